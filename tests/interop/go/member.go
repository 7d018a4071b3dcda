// SPDX-License-Identifier: Apache-2.0

// A member as the original implementation is one: it judges snapshots and heartbeats, pulls and
// spreads, beats, and tells what it knows (p2pos.md, section 3).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	notInitialized   = "membership not initialized"
	pullPeersMax     = 3 /* asked in one round */
	pullTimeout      = 5 * time.Second
	pushTimeout      = 8 * time.Second
	heartbeatTimeout = 5 * time.Second
	neverSeen        = "0001-01-01T00:00:00Z"
)

type member struct {
	sync.Mutex
	n         *node
	clusterID string
	system    crypto.PubKey
	lives     time.Duration /* how long a heartbeat proves its sender alive */
	current   *snapshot
	text      json.RawMessage /* of the current one, as it came */
	beats     map[string]time.Time
	accepted  map[string]int
	seen      map[string]time.Time
	ended     chan struct{}
}

func (m *member) active() bool {
	m.Lock()
	defer m.Unlock()
	return m.ended != nil
}

func (m *member) stop() {
	m.Lock()
	defer m.Unlock()
	if m.ended != nil {
		close(m.ended)
		m.ended = nil
	}
}

// The deed: from now on it acts by itself. Times are in milliseconds, so that a test needs no minutes.
func (n *node) becomeMember(p params) (fields, error) {
	in := struct {
		ClusterID    string `json:"cluster_id"`
		SystemPubkey string `json:"system_pubkey"`
		SyncMS       int    `json:"sync_ms"`
		HeartbeatMS  int    `json:"heartbeat_ms"`
		TimeoutMS    int    `json:"timeout_ms"`
	}{SyncMS: 30000, HeartbeatMS: 30000, TimeoutMS: 90000}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	system, err := publicKeyFromText(in.SystemPubkey)
	if err != nil {
		return nil, err
	}
	m := &n.member
	m.Lock()
	defer m.Unlock()
	if m.ended != nil {
		return nil, errors.New("is one already")
	}
	m.n, m.clusterID, m.system = n, in.ClusterID, system
	m.lives = time.Duration(in.TimeoutMS) * time.Millisecond
	m.beats, m.accepted, m.seen = map[string]time.Time{}, map[string]int{}, map[string]time.Time{}
	m.ended = make(chan struct{})
	go m.every(time.Duration(in.SyncMS)*time.Millisecond, m.ended, m.sync)
	go m.every(time.Duration(in.HeartbeatMS)*time.Millisecond, m.ended, m.beat)
	return nil, nil
}

func (m *member) every(period time.Duration, ended chan struct{}, f func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		f()
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
}

// ---- snapshots

// Takes a snapshot that is valid and newer than the one held. Says what came of it.
func (m *member) apply(text json.RawMessage) (changed bool, taken *snapshot, err error) {
	var s snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		return false, nil, err
	}
	if err := s.check(m.clusterID, m.system); err != nil {
		return false, nil, err
	}
	_, at, err := rendered(s.IssuedAt)
	if err != nil {
		return false, nil, err
	}
	m.Lock()
	defer m.Unlock()
	if m.current != nil {
		_, held, _ := rendered(m.current.IssuedAt)
		switch {
		case at.Equal(held) && s.Sig == m.current.Sig:
			return false, &s, nil
		case !at.After(held):
			return false, nil, errors.New("stale issued_at")
		}
	}
	m.current, m.text = &s, slices.Clone(text)
	return true, &s, nil
}

func (m *member) answerPull() fields {
	m.Lock()
	defer m.Unlock()
	if m.text == nil {
		return fields{"error": notInitialized}
	}
	return fields{"snapshot": m.text}
}

// A push by the issuer itself is carried on to the others; from anybody else it is only taken.
func (m *member) answerPush(text json.RawMessage, from string) fields {
	changed, s, err := m.apply(text)
	if err != nil {
		return fields{"applied": false, "error": err.Error()}
	}
	if changed {
		say(fields{"event": "applied", "how": "push", "from": from, "issued_at": s.IssuedAt})
		if from == s.Issuer {
			go m.spread(text, from)
		}
	}
	return fields{"applied": true}
}

func (m *member) spread(text json.RawMessage, except string) {
	for _, to := range m.connectedMembers() {
		if to.String() == except {
			continue
		}
		go func() {
			ctx, stop := context.WithTimeout(context.Background(), pushTimeout)
			defer stop()
			answer, err := m.n.ask(ctx, to, pushID, text, true)
			told := fields{"event": "spread", "to": to.String(), "answer": answer}
			if err != nil {
				told["error"] = err.Error()
			}
			say(told)
		}()
	}
}

func (m *member) sync() {
	peers := m.n.host.Network().Peers() // without a snapshot, whoever is there may have one
	if m.isConfigured() {
		peers = m.connectedMembers()
	}
	rand.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
	for _, from := range peers[:min(len(peers), pullPeersMax)] {
		ctx, stop := context.WithTimeout(context.Background(), pullTimeout)
		answer, err := m.n.ask(ctx, from, pullID, nil, true)
		stop()
		var got struct{ Snapshot json.RawMessage }
		if err != nil || answer == nil || json.Unmarshal(answer, &got) != nil || got.Snapshot == nil {
			continue
		}
		if changed, s, err := m.apply(got.Snapshot); err == nil && changed {
			say(fields{"event": "applied", "how": "pull", "from": from.String(), "issued_at": s.IssuedAt})
		}
	}
}

func (m *member) isConfigured() bool {
	m.Lock()
	defer m.Unlock()
	return m.current != nil && slices.Contains(m.current.Members, m.n.host.ID().String())
}

func (m *member) connectedMembers() []peer.ID {
	m.Lock()
	defer m.Unlock()
	var out []peer.ID
	for _, p := range m.n.host.Network().Peers() {
		if m.current != nil && slices.Contains(m.current.Members, p.String()) {
			out = append(out, p)
		}
	}
	return out
}

// The deed: what an operator of the original does. Taken here, then pushed to all.
func (n *node) publish(p params) (fields, error) {
	var in struct{ Snapshot json.RawMessage }
	if err := p.into(&in); err != nil {
		return nil, err
	}
	if _, _, err := n.member.apply(in.Snapshot); err != nil {
		return nil, err
	}
	n.member.spread(in.Snapshot, "")
	return nil, nil
}

// ---- heartbeats

func (m *member) beat() {
	if !m.isConfigured() {
		return
	}
	h, err := signHeartbeat(m.n.key, m.clusterID, now())
	if err != nil {
		return
	}
	for _, to := range m.connectedMembers() {
		go func() {
			ctx, stop := context.WithTimeout(context.Background(), heartbeatTimeout)
			defer stop()
			if err := m.n.tell(ctx, to, heartbeatID, h); err != nil {
				say(fields{"event": "beat_failed", "to": to.String(), "error": err.Error()})
			}
		}()
	}
}

// Returns why it was refused, or "" when it counts.
func (m *member) takeHeartbeat(h heartbeat, from string) string {
	_, ts, err := rendered(h.TS)
	m.Lock()
	defer m.Unlock()
	switch {
	case err != nil || h.PeerID == "" || h.Sig == "":
		return "incomplete"
	case m.current == nil || !slices.Contains(m.current.Members, h.PeerID):
		return "not a member"
	case h.ClusterID != m.clusterID:
		return "cluster_id mismatch"
	case h.PeerID != from:
		return "not from its sender"
	case time.Since(ts).Abs() > clockSlack:
		return "timestamp out of window"
	case h.check() != nil:
		return "signature"
	case !ts.After(m.beats[from]):
		return "replay"
	}
	m.beats[from], m.seen[from] = ts, time.Now()
	m.accepted[from]++
	return ""
}

// ---- status

type statusRecord struct {
	PeerID         string `json:"peer_id"`
	LastRemoteAddr string `json:"last_remote_addr"`
	LastSeenAt     string `json:"last_seen_at"`
	Reachability   string `json:"reachability"`
	ObservedBy     string `json:"observed_by"`
}

func (m *member) localView() []statusRecord {
	own := m.n.host.ID()
	m.Lock()
	defer m.Unlock()
	out := []statusRecord{}
	for _, id := range m.current.Members {
		r := statusRecord{PeerID: id, LastSeenAt: neverSeen, Reachability: "offline", ObservedBy: own.String()}
		p, err := peer.Decode(id)
		if err == nil {
			if conns := m.n.host.Network().ConnsToPeer(p); len(conns) > 0 {
				r.LastRemoteAddr = conns[0].RemoteMultiaddr().String()
				m.seen[id] = time.Now()
			}
		}
		if seen, ok := m.seen[id]; ok || p == own {
			if p == own {
				seen = time.Now()
			}
			r.LastSeenAt = seen.UTC().Format(time.RFC3339Nano)
			if time.Since(seen) < m.lives {
				r.Reachability = "online"
			}
		}
		out = append(out, r)
	}
	return out
}

func (m *member) answerStatus(request json.RawMessage) fields {
	if !m.isConfigured() {
		return fields{"generated_at": now(), "peers": []statusRecord{}, "error": "node is unconfigured"}
	}
	var in struct{ Scope string }
	json.Unmarshal(request, &in)
	view := m.localView()
	if in.Scope == "cluster" {
		view = m.clusterView(view)
	}
	return fields{"generated_at": now(), "peers": view}
}

// Its own records and those of the connected members; the later sighting of a peer wins.
func (m *member) clusterView(own []statusRecord) []statusRecord {
	newest := map[string]statusRecord{}
	merge := func(records []statusRecord) {
		for _, r := range records {
			_, at, err := rendered(r.LastSeenAt)
			_, held, _ := rendered(newest[r.PeerID].LastSeenAt)
			if err == nil && at.Compare(held) >= 0 {
				newest[r.PeerID] = r
			}
		}
	}
	merge(own)
	for _, from := range m.connectedMembers() {
		ctx, stop := context.WithTimeout(context.Background(), pullTimeout)
		answer, err := m.n.ask(ctx, from, statusID, fields{"scope": "local"}, true)
		stop()
		var got struct{ Peers []statusRecord }
		if err == nil && json.Unmarshal(answer, &got) == nil {
			merge(got.Peers)
		}
	}
	out := []statusRecord{}
	for _, r := range newest {
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PeerID < out[j].PeerID })
	return out
}

// The deed: what it holds and whom it believes alive.
func (n *node) held(params) (fields, error) {
	m := &n.member
	if !m.active() {
		return nil, errors.New("is no member")
	}
	m.Lock()
	defer m.Unlock()
	accepted := map[string]int{}
	for id, count := range m.accepted {
		accepted[id] = count
	}
	return fields{"snapshot": m.text, "heartbeats": accepted}, nil
}
