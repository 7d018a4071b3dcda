// SPDX-License-Identifier: Apache-2.0

// /perf/1.0.0, both sides (perf.md): eight bytes say how much is wanted back, then what is sent up
// until the end of the stream, then what was wanted.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	perfID        = "/perf/1.0.0"
	perfBlockSize = 64 * 1024
)

func sendBytes(s network.Stream, count uint64) error {
	block := make([]byte, perfBlockSize)
	for count > 0 {
		n, err := s.Write(block[:min(count, perfBlockSize)])
		if err != nil {
			return err
		}
		count -= uint64(n)
	}
	return nil
}

// Until the end of the stream; calls `first` when the first byte or the end is there.
func countBytes(s network.Stream, first func()) (uint64, error) {
	block := make([]byte, perfBlockSize)
	var count uint64
	for {
		n, err := s.Read(block)
		if count == 0 && (n > 0 || err != nil) {
			first()
		}
		count += uint64(n)
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, err
		}
	}
}

func servePerf(h host.Host) {
	h.SetStreamHandler(perfID, func(s network.Stream) {
		var wanted [8]byte
		_, err := io.ReadFull(s, wanted[:])
		if err == nil {
			_, err = countBytes(s, func() {})
		}
		if err == nil {
			err = sendBytes(s, binary.BigEndian.Uint64(wanted[:]))
		}
		if err != nil {
			s.Reset()
			return
		}
		s.Close()
	})
}

// Seconds for what went up and for what came down, as its client sees them.
func runPerf(ctx context.Context, h host.Host, to peer.ID, up, down uint64) (upS, downS float64, err error) {
	s, err := h.NewStream(ctx, to, perfID)
	if err != nil {
		return 0, 0, err
	}
	defer s.Reset() // does nothing to a stream that ended
	began := time.Now()
	if _, err := s.Write(binary.BigEndian.AppendUint64(nil, down)); err != nil {
		return 0, 0, err
	}
	if err := sendBytes(s, up); err != nil {
		return 0, 0, err
	}
	if err := s.CloseWrite(); err != nil {
		return 0, 0, err
	}
	var turned time.Time
	got, err := countBytes(s, func() { turned = time.Now() })
	if err != nil {
		return 0, 0, err
	}
	if got != down {
		return 0, 0, fmt.Errorf("%d bytes came where %d were wanted", got, down)
	}
	return turned.Sub(began).Seconds(), time.Since(turned).Seconds(), nil
}

// One transfer, or as many at once as `streams` says, which share the bytes.
func (n *node) perf(p params) (fields, error) {
	in := struct {
		Peer     string
		Up, Down uint64
		Streams  uint64
	}{Streams: 1}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	to, err := peer.Decode(in.Peer)
	if err != nil {
		return nil, err
	}
	type result struct {
		up, down float64
		err      error
	}
	began := time.Now()
	results := make(chan result)
	for range in.Streams {
		go func() {
			up, down, err := runPerf(context.Background(), n.host, to, in.Up/in.Streams, in.Down/in.Streams)
			results <- result{up, down, err}
		}()
	}
	var slowest result
	for range in.Streams {
		r := <-results
		slowest = result{max(slowest.up, r.up), max(slowest.down, r.down), errors.Join(slowest.err, r.err)}
	}
	return fields{"up_bytes": in.Up, "up_s": slowest.up, "down_bytes": in.Down, "down_s": slowest.down,
		"wall_s": time.Since(began).Seconds()}, slowest.err
}
