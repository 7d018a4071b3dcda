// SPDX-License-Identifier: Apache-2.0

//! What is measured: handshakes, the time to a first ping, connections held by a crowd of
//! identities in this process. Bytes are measured by `perf`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::{sync::Arc, time::Instant};

use futures::StreamExt;
use libp2p::{identity::Keypair, multiaddr::Protocol, Multiaddr, PeerId};
use serde_json::{json, Value};
use tokio::sync::Mutex;

use crate::{node::Node, Params, Result};

fn cpu_seconds() -> f64 {
    let mut u: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `u` is a whole rusage of this frame, which the call fills.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut u) } != 0 {
        return 0.0;
    }
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(u.ru_utime) + seconds(u.ru_stime)
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    // SAFETY: sysconf has no preconditions.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}

pub fn usage() -> Value {
    json!({"cpu_s": cpu_seconds(), "rss_bytes": resident_bytes()})
}

/// The key of number `i` of a crowd: the seed of 32 bytes with `i` added to its last four.
fn seeded_key(seed: &str, i: u64) -> Result<Keypair> {
    let last = u32::from_str_radix(&seed[56..], 16)?.wrapping_add(i as u32);
    crate::words::key_from_seed_text(&format!("{}{last:08x}", &seed[..56]))
}

/// The ids that a crowd of this seed will have: who signs a snapshot lists them before they are there.
pub fn crowd_ids(p: &Params) -> Result<Value> {
    let seed = p.text("seed")?;
    let id = |i| Ok(seeded_key(seed, i)?.public().to_peer_id().to_string());
    let ids = (0..p.number("count", 0)).map(id).collect::<Result<Vec<_>>>()?;
    Ok(json!({"peer_ids": ids}))
}

/// Many peers of this process, each with an identity of its own, that say nothing.
#[derive(Default)]
pub struct Crowd(Mutex<Vec<Arc<Node>>>);

impl Crowd {
    pub async fn make(&self, p: &Params, stacks: &[String]) -> Result<Value> {
        let mut addrs = vec![];
        for i in 0..p.number("count", 0) {
            let node =
                Node::new(seeded_key(p.text("seed")?, i)?, stacks, p.flag("listen", false), false, false)
                    .await?;
            addrs.extend(node.addrs.iter().cloned());
            self.0.lock().await.push(Arc::new(node));
        }
        Ok(json!({"addrs": addrs}))
    }

    /// Each of the crowd dials and stays; `concurrent` at once.
    pub async fn dial(&self, p: &Params) -> Result<Value> {
        let (addr, concurrent, began) = (p.addr()?, p.number("concurrent", 1) as usize, Instant::now());
        let crowd = self.0.lock().await.clone();
        let dials = crowd.into_iter().map(|n| {
            let addr = addr.clone();
            async move { n.dial(addr, true).await }
        });
        let all: Vec<_> = futures::stream::iter(dials).buffer_unordered(concurrent).collect().await;
        let mut out = json!({"connected": all.iter().filter(|r| r.is_ok()).count(), "wall_s": began.elapsed().as_secs_f64()});
        if let Some(Err(e)) = all.iter().find(|r| r.is_err()) {
            out["first_error"] = e.to_string().into();
        }
        Ok(out)
    }

    pub async fn leave(&self) -> Value {
        self.0.lock().await.clear(); // a node ends with its last handle
        json!({})
    }

    /// Whose connections are made: the node alone, or that many of the crowd.
    async fn dialers(&self, node: &Arc<Node>, concurrent: usize) -> Result<Vec<Arc<Node>>> {
        if concurrent == 1 {
            return Ok(vec![node.clone()]);
        }
        let crowd = self.0.lock().await;
        if crowd.len() < concurrent {
            return Err(format!("a crowd of {} is not enough", crowd.len()).into());
        }
        Ok(crowd[..concurrent].to_vec())
    }
}

fn peer_of(addr: &Multiaddr) -> Result<PeerId> {
    match addr.iter().last() {
        Some(Protocol::P2p(peer)) => Ok(peer),
        _ => Err("an address to dial ends with /p2p/".into()),
    }
}

/// "handshakes": `count` connections, made and closed again by `concurrent` identities at once.
/// "first_ping": `count` times, the time from the dial to the answer of a first ping.
pub async fn deed(node: &Arc<Node>, crowd: &Crowd, p: &Params) -> Result<Value> {
    let (addr, count) = (p.addr()?, p.number("count", 1));
    match p.text("what")? {
        "handshakes" => {
            let dialers = crowd.dialers(node, p.number("concurrent", 1) as usize).await?;
            handshakes(dialers, addr, count).await
        }
        "first_ping" => first_ping(node, addr, count).await,
        what => Err(format!("no such bench: {what}").into()),
    }
}

async fn handshakes(dialers: Vec<Arc<Node>>, addr: Multiaddr, count: u64) -> Result<Value> {
    let (peer, left) = (peer_of(&addr)?, Arc::new(AtomicI64::new(count as i64)));
    let (cpu, began) = (cpu_seconds(), Instant::now());
    let work = dialers.into_iter().map(|dialer| {
        let (addr, left) = (addr.clone(), left.clone());
        tokio::spawn(async move {
            while left.fetch_sub(1, Ordering::Relaxed) > 0 {
                dialer.dial(addr.clone(), true).await?;
                dialer.hangup(peer).await?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })
    });
    for done in futures::future::join_all(work).await {
        done??;
    }
    let (cpu, wall) = (cpu_seconds() - cpu, began.elapsed().as_secs_f64());
    Ok(json!({"handshakes": count, "wall_s": wall, "cpu_s": cpu, "per_cpu_s": count as f64 / cpu}))
}

async fn first_ping(node: &Node, addr: Multiaddr, count: u64) -> Result<Value> {
    let peer = peer_of(&addr)?;
    let mut took = vec![];
    for _ in 0..count {
        let began = Instant::now();
        let (pinged, dialled) = tokio::join!(node.next_ping(peer), node.dial(addr.clone(), true));
        dialled.and(pinged)?;
        took.push(began.elapsed().as_micros() as f64 / 1000.0);
        node.hangup(peer).await?;
    }
    took.sort_by(f64::total_cmp);
    Ok(json!({"ms_min": took[0], "ms_median": took[took.len() / 2], "ms_max": took[took.len() - 1]}))
}
