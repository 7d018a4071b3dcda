// SPDX-License-Identifier: Apache-2.0

// What is measured: handshakes, the time to a first ping, connections held by a crowd of
// identities in this process. Bytes are measured by `perf`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func residentBytes() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}

func deedUsage(*node, params) (fields, error) {
	return fields{"cpu_s": cpuSeconds(), "rss_bytes": residentBytes()}, nil
}

// ---- a crowd: many peers of this process, each with an identity of its own

type crowdParams struct {
	Seed   string
	Count  uint32
	Listen bool
	Addr   string

	Concurrent int
}

func deedCrowdIDs(_ *node, p params) (fields, error) {
	var in crowdParams
	if err := p.into(&in); err != nil {
		return nil, err
	}
	ids := []string{}
	for i := range in.Count {
		key, err := seededKey(in.Seed, i)
		if err != nil {
			return nil, err
		}
		id, err := idOf(key)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return fields{"peer_ids": ids}, nil
}

func (n *node) makeCrowd(p params) (fields, error) {
	var in crowdParams
	if err := p.into(&in); err != nil {
		return nil, err
	}
	addrs := []string{}
	n.crowdLock.Lock()
	defer n.crowdLock.Unlock()
	for i := range in.Count {
		key, err := seededKey(in.Seed, i)
		if err != nil {
			return nil, err
		}
		h, err := newHost(key, n.stacks, in.Listen)
		if err != nil {
			return nil, err
		}
		n.crowd = append(n.crowd, h)
		addrs = append(addrs, addrsOf(h)...)
	}
	return fields{"addrs": addrs}, nil
}

// Each of the crowd dials and stays; `concurrent` at once.
func (n *node) crowdDial(p params) (fields, error) {
	in := crowdParams{Concurrent: 1}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	n.crowdLock.Lock()
	crowd := slices.Clone(n.crowd)
	n.crowdLock.Unlock()
	began := time.Now()
	errs, places := make(chan error, len(crowd)), make(chan struct{}, in.Concurrent)
	for _, h := range crowd {
		places <- struct{}{}
		go func() {
			ctx, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			_, err := connect(ctx, h, in.Addr)
			errs <- err
			<-places
		}()
	}
	connected := 0
	var first error
	for range crowd {
		if err := <-errs; err == nil {
			connected++
		} else if first == nil {
			first = err
		}
	}
	out := fields{"connected": connected, "wall_s": time.Since(began).Seconds()}
	if first != nil {
		out["first_error"] = first.Error()
	}
	return out, nil
}

func (n *node) crowdLeave(params) (fields, error) {
	n.crowdLock.Lock()
	defer n.crowdLock.Unlock()
	for _, h := range n.crowd {
		h.Close()
	}
	n.crowd = nil
	return nil, nil
}

// ---- figures

// "handshakes": `count` connections, made and closed again by `concurrent` identities at once.
// "first_ping": `count` times, the time from the dial to the answer of a first ping.
func (n *node) bench(p params) (fields, error) {
	in := struct {
		What       string
		Addr       string
		Count      int
		Concurrent int
	}{Concurrent: 1}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	switch in.What {
	case "handshakes":
		return n.benchHandshakes(in.Addr, in.Count, in.Concurrent)
	case "first_ping":
		return n.benchFirstPing(in.Addr, in.Count)
	}
	return nil, fmt.Errorf("no such bench: %s", in.What)
}

// Whose connections are made: this node alone, or that many of the crowd.
func (n *node) dialers(concurrent int) ([]host.Host, error) {
	if concurrent == 1 {
		return []host.Host{n.host}, nil
	}
	n.crowdLock.Lock()
	defer n.crowdLock.Unlock()
	if len(n.crowd) < concurrent {
		return nil, fmt.Errorf("a crowd of %d is not enough", len(n.crowd))
	}
	return slices.Clone(n.crowd[:concurrent]), nil
}

func once(h host.Host, addr string) error {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	c, err := connect(ctx, h, addr)
	if err != nil {
		return err
	}
	return h.Network().ClosePeer(c.RemotePeer())
}

func (n *node) benchHandshakes(addr string, count, concurrent int) (fields, error) {
	dialers, err := n.dialers(concurrent)
	if err != nil {
		return nil, err
	}
	var left atomic.Int64
	left.Store(int64(count))
	cpu, began := cpuSeconds(), time.Now()
	failed := make(chan error)
	for _, h := range dialers {
		go func() {
			var errs error
			for left.Add(-1) >= 0 {
				errs = errors.Join(errs, once(h, addr))
			}
			failed <- errs
		}()
	}
	var errs error
	for range dialers {
		errs = errors.Join(errs, <-failed)
	}
	cpu, wall := cpuSeconds()-cpu, time.Since(began).Seconds()
	return fields{"handshakes": count, "wall_s": wall, "cpu_s": cpu, "per_cpu_s": float64(count) / cpu}, errs
}

func (n *node) benchFirstPing(addr string, count int) (fields, error) {
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		return nil, err
	}
	var took []float64
	for range count {
		ctx, stop := context.WithTimeout(context.Background(), patience)
		began := time.Now()
		_, err := connect(ctx, n.host, addr)
		if err == nil {
			err = (<-ping.Ping(ctx, n.host, info.ID)).Error
		}
		stop()
		if err != nil {
			return nil, err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		if err := n.host.Network().ClosePeer(info.ID); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	return fields{"ms_min": took[0], "ms_median": took[len(took)/2], "ms_max": took[len(took)-1]}, nil
}
