// SPDX-License-Identifier: Apache-2.0

// The p2pos protocols as one stream each: what is asked, and what is answered as it was told to be.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

const (
	pullID      = "/p2pos/membership/1.0.0"
	pushID      = "/p2pos/membership-push/1.0.0"
	heartbeatID = "/p2pos/heartbeat/1.0.0"
	statusID    = "/p2pos/status/1.0.0"
	adminID     = "/p2pos/admin/1.0.0"
)

// What it answers when it is asked, unless it is a member that judges for itself (member.go).
type serves struct {
	sync.Mutex
	snapshot json.RawMessage
	status   fields
	applied  fields
	silent   bool
}

// One JSON object out of a stream, whether or not the other side closes; nil where nothing came.
func readObject(s network.Stream) (json.RawMessage, error) {
	var what json.RawMessage
	err := json.NewDecoder(s).Decode(&what)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	return what, err
}

func write(s network.Stream, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	_, err = s.Write(append(text, '\n'))
	return err
}

// Opens a stream, says `what` (nil: nothing) and returns the answer; keeps its side open until
// then where `closes` is false.
func (n *node) ask(ctx context.Context, to peer.ID, id protocol.ID, what any, closes bool) (json.RawMessage, error) {
	s, err := n.host.NewStream(ctx, to, id)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if until, ok := ctx.Deadline(); ok {
		s.SetDeadline(until)
	}
	if what != nil {
		if err := write(s, what); err != nil {
			s.Reset()
			return nil, err
		}
	}
	if closes {
		if err := s.CloseWrite(); err != nil {
			return nil, err
		}
	}
	answer, err := readObject(s)
	if err != nil {
		s.Reset()
	}
	return answer, err
}

// A deed that asks a peer one question: `question` makes it of the parameters.
func asking(id protocol.ID, question func(p params) (any, error)) func(*node, params) (fields, error) {
	return func(n *node, p params) (fields, error) {
		in := struct {
			Peer  string
			Close *bool
		}{}
		if err := p.into(&in); err != nil {
			return nil, err
		}
		to, err := peer.Decode(in.Peer)
		if err != nil {
			return nil, err
		}
		what, err := question(p)
		if err != nil {
			return nil, err
		}
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		answer, err := n.ask(ctx, to, id, what, in.Close == nil || *in.Close)
		return fields{"answer": answer}, err
	}
}

// ---- what is answered

func (n *node) handle(id protocol.ID, f func(s network.Stream, from string) error) {
	n.host.SetStreamHandler(id, func(s network.Stream) {
		s.SetDeadline(time.Now().Add(patience))
		if err := f(s, s.Conn().RemotePeer().String()); err != nil {
			say(fields{"event": "stream_error", "protocol": id, "error": err.Error()})
			s.Reset()
			return
		}
		s.Close()
	})
}

func (n *node) serve() {
	n.handle(pullID, func(s network.Stream, from string) error {
		say(fields{"event": "pull", "from": from})
		if n.member.active() {
			return write(s, n.member.answerPull())
		}
		n.serves.Lock()
		held, silent := n.serves.snapshot, n.serves.silent
		n.serves.Unlock()
		switch {
		case silent:
			return nil
		case held == nil:
			return write(s, fields{"error": notInitialized})
		}
		return write(s, fields{"snapshot": held})
	})
	n.handle(pushID, func(s network.Stream, from string) error {
		pushed, err := readObject(s)
		if err != nil {
			return err
		}
		answer := n.serves.copyApplied()
		if n.member.active() {
			answer = n.member.answerPush(pushed, from)
		}
		say(fields{"event": "push", "from": from, "snapshot": pushed, "answer": answer})
		return write(s, answer)
	})
	n.handle(heartbeatID, func(s network.Stream, from string) error {
		text, err := readObject(s)
		var h heartbeat
		if err == nil {
			err = json.Unmarshal(text, &h)
		}
		if err != nil {
			return err
		}
		told := fields{"event": "heartbeat", "from": from, "heartbeat": h, "genuine": h.check() == nil}
		if n.member.active() {
			told["refused"] = n.member.takeHeartbeat(h, from)
		}
		say(told)
		return nil
	})
	n.handle(statusID, func(s network.Stream, from string) error {
		text, _ := readObject(s) // an unreadable request counts as one for the local view
		say(fields{"event": "status", "from": from, "request": text})
		if n.member.active() {
			return write(s, n.member.answerStatus(text))
		}
		return write(s, n.serves.copyStatus())
	})
}

func (s *serves) copyApplied() fields {
	s.Lock()
	defer s.Unlock()
	return s.applied
}

func (s *serves) copyStatus() fields {
	s.Lock()
	defer s.Unlock()
	out := fields{"generated_at": now()}
	for k, v := range s.status {
		out[k] = v
	}
	return out
}

// Changes what is answered; what the parameters do not name stays as it is, null is a value.
func (n *node) setServes(p params) (fields, error) {
	var in map[string]json.RawMessage
	if err := p.into(&in); err != nil {
		return nil, err
	}
	n.serves.Lock()
	defer n.serves.Unlock()
	if s, ok := in["snapshot"]; ok {
		if n.serves.snapshot = s; bytes.Equal(s, []byte("null")) {
			n.serves.snapshot = nil
		}
	}
	for name, into := range map[string]any{"status": &n.serves.status, "applied": &n.serves.applied, "silent": &n.serves.silent} {
		if text, ok := in[name]; ok {
			if err := json.Unmarshal(text, into); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// ---- ping, heartbeats, and many streams at once

func (n *node) ping(p params) (fields, error) {
	in := struct {
		Peer  string
		Count int
	}{Count: 1}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	id, err := peer.Decode(in.Peer)
	if err != nil {
		return nil, err
	}
	rtt, err := pings(n, id, in.Count)
	return fields{"rtt_ms": rtt}, err
}

func pings(n *node, id peer.ID, count int) ([]float64, error) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	results := ping.Ping(ctx, n.host, id)
	var rtt []float64
	for len(rtt) < count {
		r, ok := <-results
		if !ok {
			return nil, errors.New("no more pings")
		}
		if r.Error != nil {
			return nil, r.Error
		}
		rtt = append(rtt, float64(r.RTT.Microseconds())/1000)
	}
	return rtt, nil
}

func (n *node) sendHeartbeat(p params) (fields, error) {
	var in struct {
		Peer      string
		ClusterID string `json:"cluster_id"`
		TS        string
	}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	to, err := peer.Decode(in.Peer)
	if err != nil {
		return nil, err
	}
	if in.TS == "" {
		in.TS = now()
	}
	h, err := signHeartbeat(n.key, in.ClusterID, in.TS)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	return fields{"heartbeat": h}, n.tell(ctx, to, heartbeatID, h)
}

// Says something that has no answer.
func (n *node) tell(ctx context.Context, to peer.ID, id protocol.ID, what any) error {
	s, err := n.host.NewStream(ctx, to, id)
	if err != nil {
		return err
	}
	if err := write(s, what); err != nil {
		s.Reset()
		return err
	}
	// A reader needs no end once the object is complete (p2pos.md, section 2): over QUIC one that
	// is gone by then is an error here, and no fault of anybody.
	s.Close()
	return nil
}

func (n *node) echo(ctx context.Context, to peer.ID) error {
	s, err := n.host.NewStream(ctx, to, ping.ID)
	if err != nil {
		return err
	}
	defer s.Close()
	sent, back := make([]byte, ping.PingSize), make([]byte, ping.PingSize)
	rand.Read(sent)
	if _, err := s.Write(sent); err != nil {
		return err
	}
	if _, err := io.ReadFull(s, back); err != nil {
		return err
	}
	if !bytes.Equal(sent, back) {
		return errors.New("another echo")
	}
	return nil
}

// Many streams at once, each with a question of its own, of the protocols in turn.
func (n *node) many(p params) (fields, error) {
	var in struct {
		Peer      string
		Count     int
		Protocols []protocol.ID
	}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	to, err := peer.Decode(in.Peer)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	errs := make(chan error)
	for i := range in.Count {
		go func() { errs <- n.oneOfMany(ctx, to, in.Protocols[i%len(in.Protocols)]) }()
	}
	answered, told := 0, map[string]bool{}
	for range in.Count {
		if err := <-errs; err == nil {
			answered++
		} else {
			told[err.Error()] = true
		}
	}
	list := []string{}
	for e := range told {
		list = append(list, e)
	}
	return fields{"answered": answered, "errors": list}, nil
}

func (n *node) oneOfMany(ctx context.Context, to peer.ID, id protocol.ID) error {
	if id == ping.ID {
		return n.echo(ctx, to)
	}
	var what any = fields{}
	if id == pullID {
		what = nil
	}
	answer, err := n.ask(ctx, to, id, what, true)
	if err != nil {
		return err
	}
	var told struct{ Error string }
	if answer == nil {
		return errors.New("no answer")
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return err
	}
	if told.Error != "" {
		return errors.New(told.Error)
	}
	return nil
}
