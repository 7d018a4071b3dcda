// SPDX-License-Identifier: Apache-2.0

// The libp2p host: its identity, its stacks, its connections, and what it is told of them.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	tcpNoise = "tcp+noise+yamux"
	tcpTLS   = "tcp+tls+yamux"
	quicV1   = "quic-v1"
)

type node struct {
	host   host.Host
	key    crypto.PrivKey
	stacks []string
	serves serves
	member member

	crowdLock sync.Mutex
	crowd     []host.Host
}

func seedFromText(text string) ([]byte, error) {
	seed, err := hex.DecodeString(text)
	if err == nil && len(seed) != 32 {
		err = errors.New("a seed is 32 bytes in hex")
	}
	return seed, err
}

func keyFromSeed(seed []byte) (crypto.PrivKey, error) {
	key, _, err := crypto.GenerateEd25519Key(bytes.NewReader(seed))
	return key, err
}

// The key of number `i` of a crowd: its seed with `i` added to the last four bytes.
func seededKey(text string, i uint32) (crypto.PrivKey, error) {
	seed, err := seedFromText(text)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(seed[28:], binary.BigEndian.Uint32(seed[28:])+i)
	return keyFromSeed(seed)
}

type startParams struct {
	Key       string   `json:"key"`
	KeyFile   string   `json:"key_file"`
	AdminKey  string   `json:"admin_key"`
	Seed      string   `json:"seed"`
	Stacks    []string `json:"stacks"`
	Protocols *bool    `json:"protocols"`
	Listen    *bool    `json:"listen"`
}

func (p startParams) identity() (crypto.PrivKey, error) {
	switch {
	case p.KeyFile != "":
		text, err := os.ReadFile(p.KeyFile)
		if err != nil {
			return nil, err
		}
		return keyFromText(string(text))
	case p.AdminKey != "":
		return keyFromText(p.AdminKey)
	case p.Seed != "":
		seed, err := seedFromText(p.Seed)
		if err != nil {
			return nil, err
		}
		return keyFromSeed(seed)
	}
	kinds := map[string]int{"": crypto.Ed25519, "ed25519": crypto.Ed25519, "rsa": crypto.RSA,
		"secp256k1": crypto.Secp256k1, "ecdsa": crypto.ECDSA}
	kind, ok := kinds[p.Key]
	if !ok {
		return nil, fmt.Errorf("no such kind of key: %s", p.Key)
	}
	key, _, err := crypto.GenerateKeyPairWithReader(kind, 2048, rand.Reader)
	return key, err
}

// A host that has these stacks and no others; the order is its preference among securities.
func newHost(key crypto.PrivKey, stacks []string, listens bool) (host.Host, error) {
	opts := []libp2p.Option{libp2p.Identity(key), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.ResourceManager(&network.NullResourceManager{})}
	var addrs []string
	for _, s := range stacks {
		switch s {
		case tcpNoise:
			opts = append(opts, libp2p.Security(noise.ID, noise.New))
		case tcpTLS:
			opts = append(opts, libp2p.Security(libp2ptls.ID, libp2ptls.New))
		case quicV1:
			opts = append(opts, libp2p.Transport(libp2pquic.NewTransport))
			addrs = append(addrs, "/ip4/127.0.0.1/udp/0/quic-v1")
		default:
			return nil, fmt.Errorf("no such stack: %s", s)
		}
	}
	if slices.Contains(stacks, tcpNoise) || slices.Contains(stacks, tcpTLS) {
		opts = append(opts, libp2p.Transport(tcp.NewTCPTransport), libp2p.Muxer(yamux.ID, yamux.DefaultTransport))
		addrs = append(addrs, "/ip4/127.0.0.1/tcp/0")
	} else {
		// Without one, go-libp2p would take its defaults; QUIC alone never uses them.
		opts = append(opts, libp2p.NoSecurity)
	}
	if listens {
		opts = append(opts, libp2p.ListenAddrStrings(addrs...))
	} else {
		opts = append(opts, libp2p.NoListenAddrs)
	}
	return libp2p.New(opts...)
}

func (n *node) start(p params) (fields, error) {
	var in startParams
	err := p.into(&in)
	if err != nil {
		return nil, err
	}
	if n.stacks = in.Stacks; len(n.stacks) == 0 {
		n.stacks = []string{tcpNoise}
	}
	if n.key, err = in.identity(); err != nil {
		return nil, err
	}
	if n.host, err = newHost(n.key, n.stacks, in.Listen == nil || *in.Listen); err != nil {
		return nil, err
	}
	if err := n.listenForNews(); err != nil {
		return nil, err
	}
	if in.Protocols == nil || *in.Protocols {
		n.serve()
	}
	servePerf(n.host)
	return fields{"peer_id": n.host.ID().String(), "addrs": addrsOf(n.host)}, nil
}

func addrsOf(h host.Host) []string {
	out := []string{}
	for _, a := range h.Network().ListenAddresses() {
		out = append(out, a.String()+"/p2p/"+h.ID().String())
	}
	return out
}

func (n *node) listenForNews() error {
	n.host.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(net network.Network, c network.Conn) {
			if len(net.ConnsToPeer(c.RemotePeer())) == 1 {
				say(fields{"event": "connected", "peer": c.RemotePeer().String(), "stack": stackOf(c)})
			}
		},
		DisconnectedF: func(net network.Network, c network.Conn) {
			if len(net.ConnsToPeer(c.RemotePeer())) == 0 {
				say(fields{"event": "gone", "peer": c.RemotePeer().String()})
			}
		},
	})
	sub, err := n.host.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	go func() {
		for e := range sub.Out() {
			i := e.(event.EvtPeerIdentificationCompleted)
			seen := fields{"event": "identified", "peer": i.Peer.String(), "agent": i.AgentVersion,
				"protocol_version": i.ProtocolVersion, "protocols": i.Protocols, "listen": texts(i.ListenAddrs),
				"signed_record": i.SignedPeerRecord != nil}
			if i.ObservedAddr != nil {
				seen["observed"] = i.ObservedAddr.String()
			}
			say(seen)
		}
	}()
	return nil
}

func texts(addrs []ma.Multiaddr) []string {
	out := []string{}
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

func stackOf(c network.Conn) string {
	s := c.ConnState()
	switch {
	case s.Transport == "quic-v1":
		return quicV1
	case s.Security == noise.ID && s.StreamMultiplexer == yamux.ID:
		return tcpNoise
	case s.Security == libp2ptls.ID && s.StreamMultiplexer == yamux.ID:
		return tcpTLS
	}
	return fmt.Sprintf("%s+%s+%s", s.Transport, s.Security, s.StreamMultiplexer)
}

func connFields(c network.Conn) fields {
	direction := map[network.Direction]string{network.DirInbound: "inbound", network.DirOutbound: "outbound"}
	s := c.ConnState()
	return fields{"peer_id": c.RemotePeer().String(), "direction": direction[c.Stat().Direction],
		"security": s.Security, "muxer": s.StreamMultiplexer, "stack": stackOf(c)}
}

// Connects to exactly this address: an older connection or another address would prove nothing.
func connect(ctx context.Context, h host.Host, addr string) (network.Conn, error) {
	a, err := ma.NewMultiaddr(addr)
	if err != nil {
		return nil, err
	}
	info, err := peer.AddrInfoFromP2pAddr(a)
	if err != nil {
		return nil, err
	}
	if err := h.Connect(ctx, *info); err != nil {
		return nil, err
	}
	conns := h.Network().ConnsToPeer(info.ID)
	if len(conns) == 0 {
		return nil, errors.New("closed by the other side")
	}
	return conns[0], nil
}

func (n *node) dial(p params) (fields, error) {
	var in struct{ Addr string }
	if err := p.into(&in); err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	c, err := connect(ctx, n.host, in.Addr)
	if err != nil {
		return nil, err
	}
	return connFields(c), nil
}

func (n *node) connections(params) (fields, error) {
	out := []fields{}
	for _, c := range n.host.Network().Conns() {
		out = append(out, connFields(c))
	}
	return fields{"connections": out}, nil
}

func (n *node) hangup(p params) (fields, error) {
	id, err := peerOf(p)
	if err != nil {
		return nil, err
	}
	return nil, n.host.Network().ClosePeer(id)
}

func (n *node) protocols(p params) (fields, error) {
	id, err := peerOf(p)
	if err != nil {
		return nil, err
	}
	known, err := n.host.Peerstore().GetProtocols(id)
	return fields{"protocols": known, "addresses": texts(n.host.Peerstore().Addrs(id))}, err
}

func peerOf(p params) (peer.ID, error) {
	var in struct{ Peer string }
	if err := p.into(&in); err != nil {
		return "", err
	}
	return peer.Decode(in.Peer)
}

func (n *node) close() {
	n.member.stop()
	n.crowdLock.Lock()
	defer n.crowdLock.Unlock()
	for _, h := range n.crowd {
		h.Close()
	}
	if n.host != nil {
		n.host.Close()
	}
}
