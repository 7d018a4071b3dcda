// SPDX-License-Identifier: Apache-2.0
// What p2pos signs, written a second time from the contract alone (p2pos.md, sections 2 and 3):
// canonical texts, signatures, and nothing of the C code.
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'

const text = (s) => new TextEncoder().encode(s)
const base64 = (bytes) => Buffer.from(bytes).toString('base64')

// UTC, up to nine digits of fraction, trailing zeros and a lonely point removed.
export function time (seconds, nanoseconds = 0) {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  const fraction = String(nanoseconds).padStart(9, '0').replace(/0+$/, '')
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`
}

export function now () {
  const ms = Date.now()
  return time(Math.floor(ms / 1000), (ms % 1000) * 1_000_000)
}

// Standard base64 of the protobuf form, as p2posctl writes keys.
export const keyFromText = (b64) => privateKeyFromProtobuf(Buffer.from(b64.trim(), 'base64'))
export const idOf = (key) => peerIdFromPrivateKey(key).toString()
const sign = async (key, parts) => base64(await key.sign(text(parts.join('|'))))

// Trimmed, without empties and duplicates, in byte order.
export function memberText (members) {
  const clean = new Set(members.map((m) => m.trim()).filter((m) => m !== ''))
  return [...clean].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).join(',')
}

export async function heartbeat (key, clusterId, ts) {
  const peerId = idOf(key)
  return { cluster_id: clusterId, peer_id: peerId, ts, sig: await sign(key, [clusterId, peerId, ts]) }
}

// Is a heartbeat signed by the peer that it speaks of?
export const isGenuine = async (h) => await peerIdFromString(h.peer_id).publicKey
  .verify(text([h.cluster_id, h.peer_id, h.ts].join('|')), Buffer.from(h.sig, 'base64'))

export async function proof (systemKey, clusterId, peerId, from, to) {
  return {
    cluster_id: clusterId,
    peer_id: peerId,
    role: 'admin',
    valid_from: from,
    valid_to: to,
    sig: await sign(systemKey, [clusterId, peerId, 'admin', from, to])
  }
}

export async function snapshot (adminKey, adminProof, clusterId, issuedAt, members) {
  const issuer = idOf(adminKey)
  return {
    cluster_id: clusterId,
    issued_at: issuedAt,
    issuer_peer_id: issuer,
    members,
    admin_proof: adminProof,
    sig: await sign(adminKey, [clusterId, issuedAt, issuer, memberText(members)])
  }
}
