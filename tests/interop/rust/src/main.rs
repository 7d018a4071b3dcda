// SPDX-License-Identifier: Apache-2.0

//! A rust-libp2p node, as published, that is led by JSON lines; ../README.md has the words.
//!
//!   in   {"id":1,"do":"dial","addr":"/ip4/…"}     out  {"id":1,"ok":true,…}
//!                                                 out  {"id":1,"ok":false,"error":"…"}
//!        what a peer asks of it is told unasked:  out  {"event":"push","from":"12D3…",…}
//!
//! It listens on 127.0.0.1 alone and ends with its standard input.

mod bench;
mod inbound;
mod node;
mod perf;
mod streams;
mod words;

use std::{io::Write, sync::Arc, time::Duration};

use libp2p::{identity::Keypair, Multiaddr, PeerId};
use serde_json::{json, Value};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::Mutex;

use bench::Crowd;
use node::Node;
use streams::Serves;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One line at a time, whoever speaks.
pub fn say(what: Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{what}").and_then(|()| out.flush()); // who led us is gone: nothing to tell
}

pub fn patience() -> Duration {
    let seconds = std::env::var("P2POS_PATIENCE").ok().and_then(|s| s.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(60.0))
}

/// Fails what takes longer than `patience`.
pub async fn in_time<T>(work: impl std::future::Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(patience(), work).await.map_err(|_| "no answer in time")?
}

/// Parameters of a deed, with the words for what is missing.
pub struct Params(pub Value);

impl Params {
    pub fn text(&self, name: &str) -> Result<&str> {
        self.0[name].as_str().ok_or_else(|| format!("{name} is missing").into())
    }
    pub fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.0[name].as_u64().unwrap_or(otherwise)
    }
    pub fn flag(&self, name: &str, otherwise: bool) -> bool {
        self.0[name].as_bool().unwrap_or(otherwise)
    }
    pub fn peer(&self) -> Result<PeerId> {
        Ok(self.text("peer")?.parse()?)
    }
    pub fn addr(&self) -> Result<Multiaddr> {
        Ok(self.text("addr")?.parse()?)
    }
    pub fn texts(&self, name: &str) -> Vec<String> {
        let list = self.0[name].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }
}

/// What one process is: a node once it was started, and perhaps a crowd.
#[derive(Default)]
struct Peer {
    node: Mutex<Option<Arc<Node>>>,
    crowd: Crowd,
    serves: Arc<std::sync::Mutex<Serves>>,
}

fn identity(p: &Params) -> Result<Keypair> {
    if let Ok(path) = p.text("key_file") {
        return words::key_from_text(&std::fs::read_to_string(path)?);
    }
    if let Ok(text) = p.text("admin_key") {
        return words::key_from_text(text);
    }
    if let Ok(seed) = p.text("seed") {
        return words::key_from_seed_text(seed);
    }
    match p.text("key").unwrap_or("ed25519") {
        "ed25519" => Ok(Keypair::generate_ed25519()),
        kind => Err(format!("no such kind of key: {kind}").into()),
    }
}

async fn start(peer: &Peer, p: &Params) -> Result<Value> {
    let mut stacks = p.texts("stacks");
    if stacks.is_empty() {
        stacks.push(node::TCP_NOISE.into());
    }
    let node = Arc::new(
        Node::new(identity(p)?, &stacks, p.flag("listen", true), true, p.flag("signed_record", false))
            .await?,
    );
    if p.flag("protocols", true) {
        streams::serve(&node, &peer.serves);
    }
    perf::serve(&node);
    let answer = json!({"peer_id": node.peer_id.to_string(), "addrs": node.addrs});
    *peer.node.lock().await = Some(node);
    Ok(answer)
}

async fn obey(peer: &Peer, deed: &str, p: &Params) -> Result<Value> {
    match deed {
        "start" => return start(peer, p).await,
        "sign" => return words::deed_sign(p),
        "prove" => return words::deed_prove(p),
        "serve" => return Ok(peer.serves.lock().unwrap().change(&p.0)),
        "crowd_ids" => return bench::crowd_ids(p),
        "crowd_leave" => return Ok(peer.crowd.leave().await),
        "usage" => return Ok(bench::usage()),
        _ => (),
    }
    let node = peer.node.lock().await.clone().ok_or("not started")?;
    match deed {
        "dial" => Ok(node.dial(p.addr()?, false).await?.fields()),
        "connections" => node.connections().await,
        "hangup" => node.hangup(p.peer()?).await.map(|()| json!({})),
        "protocols" => node.protocols(p.peer()?).await,
        "ping" => streams::ping(&node, p).await,
        "pull" => streams::ask_deed(&node, p, streams::PULL, None).await,
        "push" => streams::ask_deed(&node, p, streams::PUSH, Some(p.0["snapshot"].clone())).await,
        "status" => streams::ask_deed(&node, p, streams::STATUS, Some(streams::scope(p))).await,
        "admin" => {
            streams::ask_deed(&node, p, streams::ADMIN, Some(json!({"admin_proof": p.0["proof"]}))).await
        }
        "heartbeat" => streams::heartbeat(&node, p).await,
        "many" => streams::many(&node, p).await,
        "perf" => perf::deed(&node, p).await,
        "crowd" => peer.crowd.make(p, &node.stacks).await,
        "crowd_dial" => peer.crowd.dial(p).await,
        "bench" => bench::deed(&node, &peer.crowd, p).await,
        _ => Err(format!("no such deed: {deed}").into()),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let peer = Arc::new(Peer::default());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let peer = peer.clone();
        tokio::spawn(async move {
            let p = Params(serde_json::from_str(&line).unwrap_or_default());
            let id = p.number("id", 0);
            let mut answer = match obey(&peer, p.text("do").unwrap_or(""), &p).await {
                Ok(fields) => fields,
                Err(e) => {
                    return say(json!({"id": id, "ok": false, "error": e.to_string(), "name": "Error"}))
                }
            };
            answer["id"] = id.into();
            answer["ok"] = true.into();
            say(answer);
        });
    }
    Ok(())
}
