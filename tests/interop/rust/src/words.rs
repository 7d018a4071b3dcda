// SPDX-License-Identifier: Apache-2.0

//! What p2pos signs, written once more from the contract alone (p2pos.md, sections 2 and 3).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{engine::general_purpose::STANDARD as BASE64, Engine};
use libp2p::{
    identity::{Keypair, PublicKey},
    PeerId,
};
use serde_json::{json, Value};

use crate::{Params, Result};

/// Standard base64 of the protobuf form, as p2posctl writes keys.
pub fn key_from_text(text: &str) -> Result<Keypair> {
    Ok(Keypair::from_protobuf_encoding(&BASE64.decode(text.trim())?)?)
}

pub fn key_from_seed_text(hex: &str) -> Result<Keypair> {
    let digits = hex
        .as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two)?, 16).map_err(Into::into));
    let seed = digits.collect::<Result<Vec<u8>>>()?;
    Ok(Keypair::ed25519_from_bytes(seed)?)
}

/// Days since 1970 as year, month and day of the Gregorian calendar. Years are counted from March,
/// so that the day that leap years have more is their last.
fn civil(days: i64) -> (i64, i64, i64) {
    let from_march_of_0 = days + 719_468;
    let era = from_march_of_0.div_euclid(146_097);
    let day_of_era = from_march_of_0.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * month_from_march + 2) / 5 + 1)
}

/// UTC, nine digits of fraction, trailing zeros and a lonely point removed.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = ((since.as_secs() / 86_400) as i64, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    let whole = format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}");
    let fraction = format!("{:09}", since.subsec_nanos());
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}Z"),
        digits => format!("{whole}.{digits}Z"),
    }
}

fn sign(key: &Keypair, parts: &[&str]) -> Result<String> {
    Ok(BASE64.encode(key.sign(parts.join("|").as_bytes())?))
}

fn id_of(key: &Keypair) -> String {
    key.public().to_peer_id().to_string()
}

/// Trimmed, without empties and duplicates, in byte order.
fn member_text(members: &[String]) -> String {
    let mut clean: Vec<_> = members.iter().map(|m| m.trim()).filter(|m| !m.is_empty()).collect();
    clean.sort_unstable();
    clean.dedup();
    clean.join(",")
}

pub fn heartbeat(key: &Keypair, cluster_id: &str, ts: &str) -> Result<Value> {
    let id = id_of(key);
    let sig = sign(key, &[cluster_id, &id, ts])?;
    Ok(json!({"cluster_id": cluster_id, "peer_id": id, "ts": ts, "sig": sig}))
}

/// Is a heartbeat signed by the peer that it speaks of?
pub fn is_genuine(h: &Value) -> bool {
    let check = || -> Option<bool> {
        let field = |name: &str| h[name].as_str();
        let id: PeerId = field("peer_id")?.parse().ok()?;
        let key = PublicKey::try_decode_protobuf(id.as_ref().digest()).ok()?; // the id holds the key
        let text = [field("cluster_id")?, field("peer_id")?, field("ts")?].join("|");
        Some(key.verify(text.as_bytes(), &BASE64.decode(field("sig")?).ok()?))
    };
    check().unwrap_or(false)
}

pub fn deed_sign(p: &Params) -> Result<Value> {
    let admin = key_from_text(p.text("admin_key")?)?;
    let (cluster_id, members, issuer) = (p.text("cluster_id")?, p.texts("members"), id_of(&admin));
    let issued_at = p.text("issued_at").map_or_else(|_| now(), str::to_owned);
    let sig = sign(&admin, &[cluster_id, &issued_at, &issuer, &member_text(&members)])?;
    Ok(json!({"snapshot": {"cluster_id": cluster_id, "issued_at": issued_at, "issuer_peer_id": issuer,
        "members": members, "admin_proof": p.0["admin_proof"], "sig": sig}}))
}

pub fn deed_prove(p: &Params) -> Result<Value> {
    let system = key_from_text(p.text("system_key")?)?;
    let (cluster_id, peer_id) = (p.text("cluster_id")?, p.text("peer_id")?);
    let (from, to) = (p.text("valid_from")?, p.text("valid_to")?);
    let sig = sign(&system, &[cluster_id, peer_id, "admin", from, to])?;
    Ok(json!({"admin_proof": {"cluster_id": cluster_id, "peer_id": peer_id, "role": "admin",
        "valid_from": from, "valid_to": to, "sig": sig}}))
}
