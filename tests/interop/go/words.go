// SPDX-License-Identifier: Apache-2.0

// What p2pos signs, written once more from the contract alone (p2pos.md, sections 2 and 3).
package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
)

const clockSlack = 5 * time.Minute

type adminProof struct {
	ClusterID string `json:"cluster_id"`
	PeerID    string `json:"peer_id"`
	Role      string `json:"role"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to"`
	Sig       string `json:"sig"`
}

type snapshot struct {
	ClusterID  string     `json:"cluster_id"`
	IssuedAt   string     `json:"issued_at"`
	Issuer     string     `json:"issuer_peer_id"`
	Members    []string   `json:"members"`
	AdminProof adminProof `json:"admin_proof"`
	Sig        string     `json:"sig"`
}

type heartbeat struct {
	ClusterID string `json:"cluster_id"`
	PeerID    string `json:"peer_id"`
	TS        string `json:"ts"`
	Sig       string `json:"sig"`
}

// Standard base64 of the protobuf form, as p2posctl writes keys.
func keyFromText(text string) (crypto.PrivKey, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	return crypto.UnmarshalPrivateKey(raw)
}

func publicKeyFromText(text string) (crypto.PubKey, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	return crypto.UnmarshalPublicKey(raw)
}

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// What is signed is the time as it would be written here, whatever way it came.
func rendered(text string) (string, time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	return t.UTC().Format(time.RFC3339Nano), t, err
}

// Trimmed, without empties and duplicates, in byte order.
func memberText(members []string) string {
	var clean []string
	for _, m := range members {
		if m = strings.TrimSpace(m); m != "" {
			clean = append(clean, m)
		}
	}
	slices.Sort(clean)
	return strings.Join(slices.Compact(clean), ",")
}

func sign(key crypto.PrivKey, parts ...string) (string, error) {
	sig, err := key.Sign([]byte(strings.Join(parts, "|")))
	return base64.StdEncoding.EncodeToString(sig), err
}

func verify(key crypto.PubKey, sig string, parts ...string) error {
	raw, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		return err
	}
	if ok, err := key.Verify([]byte(strings.Join(parts, "|")), raw); err != nil || !ok {
		return errors.New("signature does not verify")
	}
	return nil
}

// The key that a peer id of Ed25519 carries in itself.
func keyOf(id string) (crypto.PubKey, error) {
	p, err := peer.Decode(id)
	if err != nil {
		return nil, err
	}
	return p.ExtractPublicKey()
}

func idOf(key crypto.PrivKey) (string, error) {
	id, err := peer.IDFromPrivateKey(key)
	return id.String(), err
}

func signSnapshot(admin crypto.PrivKey, proof adminProof, clusterID, issuedAt string, members []string) (snapshot, error) {
	issuer, err := idOf(admin)
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{clusterID, issuedAt, issuer, members, proof, ""}
	s.Sig, err = sign(admin, s.ClusterID, s.IssuedAt, s.Issuer, memberText(members))
	return s, err
}

func signProof(system crypto.PrivKey, p adminProof) (adminProof, error) {
	var err error
	p.Role = "admin"
	p.Sig, err = sign(system, p.ClusterID, p.PeerID, p.Role, p.ValidFrom, p.ValidTo)
	return p, err
}

func signHeartbeat(key crypto.PrivKey, clusterID, ts string) (heartbeat, error) {
	id, err := idOf(key)
	if err != nil {
		return heartbeat{}, err
	}
	h := heartbeat{clusterID, id, ts, ""}
	h.Sig, err = sign(key, h.ClusterID, h.PeerID, h.TS)
	return h, err
}

func (h heartbeat) check() error {
	ts, _, err := rendered(h.TS)
	if err != nil {
		return err
	}
	key, err := keyOf(h.PeerID)
	if err != nil {
		return err
	}
	return verify(key, h.Sig, h.ClusterID, h.PeerID, ts)
}

// Section 3.5, without the comparison with what is held.
func (s snapshot) check(clusterID string, system crypto.PubKey) error {
	issued, at, err := rendered(s.IssuedAt)
	if err != nil {
		return fmt.Errorf("issued_at: %w", err)
	}
	from, fromAt, err := rendered(s.AdminProof.ValidFrom)
	if err != nil {
		return fmt.Errorf("valid_from: %w", err)
	}
	to, toAt, err := rendered(s.AdminProof.ValidTo)
	if err != nil {
		return fmt.Errorf("valid_to: %w", err)
	}
	switch p := s.AdminProof; {
	case s.ClusterID != clusterID || p.ClusterID != clusterID:
		return errors.New("cluster_id mismatch")
	case s.Sig == "":
		return errors.New("snapshot signature is required")
	case len(s.Members) == 0:
		return errors.New("no members")
	case p.Role != "admin" || p.PeerID != s.Issuer:
		return errors.New("issuer is no admin")
	case at.Before(fromAt) || at.After(toAt):
		return errors.New("issued outside the validity of the proof")
	case time.Until(at) > clockSlack:
		return errors.New("issued_at in future")
	}
	issuer, err := keyOf(s.Issuer)
	if err != nil {
		return err
	}
	if err := verify(issuer, s.Sig, s.ClusterID, issued, s.Issuer, memberText(s.Members)); err != nil {
		return err
	}
	return verify(system, s.AdminProof.Sig, s.AdminProof.ClusterID, s.AdminProof.PeerID, s.AdminProof.Role, from, to)
}
