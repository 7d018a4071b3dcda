// SPDX-License-Identifier: Apache-2.0

// The table of what it can be told to do, and the deeds that only sign.
package main

import "encoding/json"

var deeds map[string]func(*node, params) (fields, error)

func init() { // a table of functions that reach the table again
	deeds = map[string]func(*node, params) (fields, error){
		"start":       (*node).start,
		"dial":        (*node).dial,
		"connections": (*node).connections,
		"hangup":      (*node).hangup,
		"protocols":   (*node).protocols,
		"ping":        (*node).ping,
		"pull":        asking(pullID, func(params) (any, error) { return nil, nil }),
		"push":        asking(pushID, questionPush),
		"status":      asking(statusID, questionStatus),
		"admin":       asking(adminID, questionAdmin),
		"heartbeat":   (*node).sendHeartbeat,
		"many":        (*node).many,
		"serve":       (*node).setServes,
		"perf":        (*node).perf,
		"sign":        deedSign,
		"prove":       deedProve,
		"member":      (*node).becomeMember,
		"held":        (*node).held,
		"publish":     (*node).publish,
		"crowd":       (*node).makeCrowd,
		"crowd_ids":   deedCrowdIDs,
		"crowd_dial":  (*node).crowdDial,
		"crowd_leave": (*node).crowdLeave,
		"bench":       (*node).bench,
		"usage":       deedUsage,
	}
}

func questionPush(p params) (any, error) {
	var in struct{ Snapshot json.RawMessage }
	err := p.into(&in)
	return in.Snapshot, err
}

func questionStatus(p params) (any, error) {
	var in struct{ Scope *string }
	if err := p.into(&in); err != nil || in.Scope == nil {
		return fields{}, err
	}
	return fields{"scope": *in.Scope}, nil
}

func questionAdmin(p params) (any, error) {
	var in struct{ Proof json.RawMessage }
	err := p.into(&in)
	return fields{"admin_proof": in.Proof}, err
}

func deedSign(_ *node, p params) (fields, error) {
	var in struct {
		AdminKey   string     `json:"admin_key"`
		AdminProof adminProof `json:"admin_proof"`
		ClusterID  string     `json:"cluster_id"`
		IssuedAt   string     `json:"issued_at"`
		Members    []string   `json:"members"`
	}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	key, err := keyFromText(in.AdminKey)
	if err != nil {
		return nil, err
	}
	if in.IssuedAt == "" {
		in.IssuedAt = now()
	}
	s, err := signSnapshot(key, in.AdminProof, in.ClusterID, in.IssuedAt, in.Members)
	return fields{"snapshot": s}, err
}

func deedProve(_ *node, p params) (fields, error) {
	var in struct {
		SystemKey string `json:"system_key"`
		adminProof
	}
	if err := p.into(&in); err != nil {
		return nil, err
	}
	key, err := keyFromText(in.SystemKey)
	if err != nil {
		return nil, err
	}
	proof, err := signProof(key, in.adminProof)
	return fields{"admin_proof": proof}, err
}
