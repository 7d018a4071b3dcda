// SPDX-License-Identifier: Apache-2.0

// A go-libp2p node, as published, that is led by JSON lines; ../README.md has the words.
//
//	in   {"id":1,"do":"dial","addr":"/ip4/…"}     out  {"id":1,"ok":true,…}
//	                                              out  {"id":1,"ok":false,"error":"…"}
//	     what a peer asks of it is told unasked:  out  {"event":"push","from":"12D3…",…}
//
// It listens on 127.0.0.1 alone and ends with its standard input.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// What a deed gives or an event tells.
type fields map[string]any

// The parameters of one deed, read on demand: each deed has its own.
type params json.RawMessage

func (p params) into(what any) error { return json.Unmarshal(p, what) }

var (
	outLock  sync.Mutex
	patience = patienceFromEnv()
)

func patienceFromEnv() time.Duration {
	if s, err := strconv.ParseFloat(os.Getenv("P2POS_PATIENCE"), 64); err == nil {
		return time.Duration(s * float64(time.Second))
	}
	return time.Minute
}

func say(what fields) {
	line, err := json.Marshal(what)
	if err != nil {
		line = []byte(fmt.Sprintf(`{"event":"unsayable","error":%q}`, err))
	}
	outLock.Lock()
	defer outLock.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func obey(n *node, line []byte) {
	var head struct {
		ID int    `json:"id"`
		Do string `json:"do"`
	}
	answer := fields{}
	err := json.Unmarshal(line, &head)
	if deed := deeds[head.Do]; err == nil && deed == nil {
		err = fmt.Errorf("no such deed: %s", head.Do)
	} else if err == nil {
		answer, err = deed(n, params(line))
	}
	if err != nil {
		say(fields{"id": head.ID, "ok": false, "error": err.Error(), "name": "Error"})
		return
	}
	if answer == nil {
		answer = fields{}
	}
	answer["id"], answer["ok"] = head.ID, true
	say(answer)
}

func main() {
	n := &node{serves: serves{applied: fields{"applied": true}, status: fields{"peers": []any{}}}}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n') // a snapshot is a long line: no limit of a Scanner
		if err != nil {
			break
		}
		go obey(n, line)
	}
	n.close()
}
