// SPDX-License-Identifier: Apache-2.0

//! The swarm in a task of its own: its stacks, its connections, and what it is told of them.

use std::{collections::HashMap, time::Duration};

use futures::StreamExt;
use libp2p::core::{
    muxing::StreamMuxerBox,
    transport::{Boxed, OrTransport},
    upgrade::Version,
    ConnectedPoint, Transport,
};
use libp2p::swarm::{
    dial_opts::{DialOpts, PeerCondition},
    ConnectionId, NetworkBehaviour, Swarm, SwarmEvent,
};
use libp2p::{
    identify, identity::Keypair, multiaddr::Protocol, noise, ping, quic, tcp, tls, yamux, Multiaddr, PeerId,
};
use serde_json::{json, Value};
use tokio::sync::{mpsc, oneshot};

use crate::inbound::{self, Accepted};
use crate::{in_time, say, Result};

pub const TCP_NOISE: &str = "tcp+noise+yamux";
pub const TCP_TLS: &str = "tcp+tls+yamux";
pub const QUIC: &str = "quic-v1";

/// Connections stay until somebody closes them: a test decides when.
const IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

const VERSION: &str = "ipfs/0.1.0";

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    stream: libp2p_stream::Behaviour, // those that we open
    inbound: inbound::Behaviour,
}

#[derive(Clone)]
pub struct Conn {
    peer: PeerId,
    direction: &'static str,
    stack: String,
}

impl Conn {
    pub fn fields(&self) -> Value {
        let (security, muxer) = match self.stack.as_str() {
            TCP_NOISE => ("/noise", "/yamux/1.0.0"),
            TCP_TLS => ("/tls/1.0.0", "/yamux/1.0.0"),
            _ => ("", ""),
        };
        json!({"peer_id": self.peer.to_string(), "direction": self.direction, "security": security,
            "muxer": muxer, "stack": self.stack})
    }
}

enum Order {
    Dial(Multiaddr, bool, oneshot::Sender<Result<Conn>>),
    Hangup(PeerId, oneshot::Sender<()>),
    Connections(oneshot::Sender<Vec<Conn>>),
    Known(PeerId, oneshot::Sender<Value>),
    NextPing(PeerId, oneshot::Sender<()>),
}

pub struct Node {
    pub key: Keypair,
    pub peer_id: PeerId,
    pub addrs: Vec<String>,
    pub stacks: Vec<String>,
    pub control: libp2p_stream::Control,
    pub accepted: Accepted,
    orders: mpsc::UnboundedSender<Order>,
}

/// TCP with the one security that is named; None where QUIC is alone.
fn tcp_transport(key: &Keypair, stacks: &[String]) -> Result<Option<Boxed<(PeerId, StreamMuxerBox)>>> {
    let names: Vec<&str> = stacks.iter().map(String::as_str).filter(|s| *s != QUIC).collect();
    // As libp2p's own builder makes it.
    let base = tcp::tokio::Transport::new(tcp::Config::default()).upgrade(Version::V1Lazy);
    let mux = yamux::Config::default();
    Ok(Some(match names[..] {
        [] => return Ok(None),
        [TCP_NOISE] => base.authenticate(noise::Config::new(key)?).multiplex(mux).boxed(),
        [TCP_TLS] => base.authenticate(tls::Config::new(key)?).multiplex(mux).boxed(),
        _ => return Err(format!("no such stacks, or two of TCP: {names:?}").into()),
    }))
}

fn transport(key: &Keypair, stacks: &[String]) -> Result<Boxed<(PeerId, StreamMuxerBox)>> {
    let tcp = tcp_transport(key, stacks)?;
    let quic = || {
        quic::tokio::Transport::new(quic::Config::new(key))
            .map(|(p, c), _| (p, StreamMuxerBox::new(c)))
            .boxed()
    };
    Ok(match (tcp, stacks.iter().any(|s| s == QUIC)) {
        (Some(tcp), true) => OrTransport::new(quic(), tcp).map(|either, _| either.into_inner()).boxed(),
        (Some(tcp), false) => tcp,
        (None, _) => quic(),
    })
}

impl Node {
    /// `tells`: say what happens on standard output, as the node that is led does and a crowd does not.
    /// `signed_record`: put one into identify, which rust-libp2p does only when it is told to.
    pub async fn new(
        key: Keypair,
        stacks: &[String],
        listens: bool,
        tells: bool,
        signed_record: bool,
    ) -> Result<Node> {
        let peer_id = key.public().to_peer_id();
        let stream = libp2p_stream::Behaviour::new();
        let control = stream.new_control();
        let accepted = Accepted::default();
        let behaviour = Behaviour {
            identify: identify::Behaviour::new(if signed_record {
                identify::Config::new_with_signed_peer_record(VERSION.into(), &key)
            } else {
                identify::Config::new(VERSION.into(), key.public())
            }),
            ping: ping::Behaviour::default(),
            stream,
            inbound: inbound::Behaviour::new(accepted.clone()),
        };
        let config = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE_TIMEOUT);
        let mut swarm = Swarm::new(transport(&key, stacks)?, behaviour, peer_id, config);
        let addrs = if listens { listen(&mut swarm, stacks).await? } else { vec![] };
        let (orders, inbox) = mpsc::unbounded_channel();
        let driver = Driver {
            swarm,
            tcp_stack: stacks.iter().find(|s| *s != QUIC).cloned().unwrap_or_default(),
            tells,
            inbox,
            conns: HashMap::new(),
            dialling: HashMap::new(),
            closing: HashMap::new(),
            pinging: HashMap::new(),
            known: HashMap::new(),
        };
        tokio::spawn(driver.run());
        let addrs = addrs.into_iter().map(|a| format!("{a}/p2p/{peer_id}")).collect();
        Ok(Node { key, peer_id, addrs, stacks: stacks.to_vec(), control, accepted, orders })
    }

    async fn order<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T> {
        let (tell, told) = oneshot::channel();
        self.orders.send(make(tell)).map_err(|_| "the swarm has ended")?;
        in_time(async { Ok(told.await?) }).await
    }

    /// Connects to this address; an open connection to its peer is as good. `new_port`: do not dial
    /// from the port that is listened on, where the same two ports could not meet again for a minute.
    pub async fn dial(&self, addr: Multiaddr, new_port: bool) -> Result<Conn> {
        self.order(|tell| Order::Dial(addr, new_port, tell)).await?
    }

    /// Returns when the last connection to that peer is closed.
    pub async fn hangup(&self, peer: PeerId) -> Result<()> {
        self.order(|tell| Order::Hangup(peer, tell)).await
    }

    pub async fn connections(&self) -> Result<Value> {
        let all = self.order(Order::Connections).await?;
        Ok(json!({"connections": all.iter().map(Conn::fields).collect::<Vec<_>>()}))
    }

    /// Resolves when libp2p has had an answer to a ping of its own, of which it sends one at once on
    /// a new connection.
    pub async fn next_ping(&self, peer: PeerId) -> Result<()> {
        self.order(|tell| Order::NextPing(peer, tell)).await
    }

    pub async fn protocols(&self, peer: PeerId) -> Result<Value> {
        self.order(|tell| Order::Known(peer, tell)).await
    }
}

async fn listen(swarm: &mut Swarm<Behaviour>, stacks: &[String]) -> Result<Vec<Multiaddr>> {
    let mut wanted = 0;
    let mut addrs = vec![];
    if stacks.iter().any(|s| s != QUIC) {
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        wanted += 1;
    }
    if stacks.iter().any(|s| s == QUIC) {
        swarm.listen_on("/ip4/127.0.0.1/udp/0/quic-v1".parse()?)?;
        wanted += 1;
    }
    while addrs.len() < wanted {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            addrs.push(address);
        }
    }
    Ok(addrs)
}

/// The task that owns the swarm: orders in, news out.
struct Driver {
    swarm: Swarm<Behaviour>,
    tcp_stack: String,
    tells: bool,
    inbox: mpsc::UnboundedReceiver<Order>,
    conns: HashMap<ConnectionId, Conn>,
    dialling: HashMap<ConnectionId, oneshot::Sender<Result<Conn>>>,
    closing: HashMap<PeerId, Vec<oneshot::Sender<()>>>,
    pinging: HashMap<PeerId, Vec<oneshot::Sender<()>>>,
    known: HashMap<PeerId, Value>,
}

impl Driver {
    async fn run(mut self) {
        loop {
            tokio::select! {
                order = self.inbox.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                event = self.swarm.select_next_some() => self.take(event),
            }
        }
    }

    fn say(&self, what: Value) {
        if self.tells {
            say(what);
        }
    }

    fn to_peer(&self, peer: &PeerId) -> Option<&Conn> {
        self.conns.values().find(|c| c.peer == *peer)
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Dial(addr, new_port, tell) => self.dial(addr, new_port, tell),
            Order::Hangup(peer, tell) => match self.swarm.disconnect_peer_id(peer) {
                Ok(()) => self.closing.entry(peer).or_default().push(tell),
                Err(()) => drop(tell.send(())), // not connected, which is what was wanted
            },
            Order::NextPing(peer, tell) => self.pinging.entry(peer).or_default().push(tell),
            // Who asked may be gone by now, here and below.
            Order::Connections(tell) => drop(tell.send(self.conns.values().cloned().collect())),
            Order::Known(peer, tell) => drop(tell.send(self.known.get(&peer).cloned().unwrap_or(json!({})))),
        }
    }

    fn dial(&mut self, addr: Multiaddr, new_port: bool, tell: oneshot::Sender<Result<Conn>>) {
        let Some(Protocol::P2p(peer)) = addr.iter().last() else {
            return drop(tell.send(Err("an address to dial ends with /p2p/".into())));
        };
        if let Some(conn) = self.to_peer(&peer) {
            return drop(tell.send(Ok(conn.clone())));
        }
        let opts = DialOpts::peer_id(peer).addresses(vec![addr]).condition(PeerCondition::Disconnected);
        let opts = if new_port { opts.allocate_new_port().build() } else { opts.build() };
        let id = opts.connection_id();
        match self.swarm.dial(opts) {
            Ok(()) => drop(self.dialling.insert(id, tell)),
            Err(e) => drop(tell.send(Err(e.into()))),
        }
    }

    fn stack_of(&self, addr: &Multiaddr) -> String {
        let is_quic = addr.iter().any(|p| p == Protocol::QuicV1);
        if is_quic {
            QUIC.into()
        } else {
            self.tcp_stack.clone()
        }
    }

    fn take(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id, connection_id, endpoint, num_established, ..
            } => {
                let (direction, addr) = match &endpoint {
                    ConnectedPoint::Dialer { address, .. } => ("outbound", address),
                    ConnectedPoint::Listener { send_back_addr, .. } => ("inbound", send_back_addr),
                };
                let conn = Conn { peer: peer_id, direction, stack: self.stack_of(addr) };
                if num_established.get() == 1 {
                    self.say(json!({"event": "connected", "peer": peer_id.to_string(), "stack": conn.stack}));
                }
                if let Some(tell) = self.dialling.remove(&connection_id) {
                    let _ = tell.send(Ok(conn.clone()));
                }
                self.conns.insert(connection_id, conn);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.conns.remove(&connection_id);
                if num_established == 0 {
                    self.say(json!({"event": "gone", "peer": peer_id.to_string()}));
                    for tell in self.closing.remove(&peer_id).unwrap_or_default() {
                        let _ = tell.send(());
                    }
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(tell) = self.dialling.remove(&connection_id) {
                    let _ = tell.send(Err(error.into()));
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => {
                self.identified(peer_id, info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, result: Ok(_), .. })) => {
                for tell in self.pinging.remove(&peer).unwrap_or_default() {
                    let _ = tell.send(());
                }
            }
            _ => (),
        }
    }

    fn identified(&mut self, peer: PeerId, info: identify::Info) {
        let protocols: Vec<_> = info.protocols.iter().map(ToString::to_string).collect();
        let listen: Vec<_> = info.listen_addrs.iter().map(ToString::to_string).collect();
        self.known.insert(peer, json!({"protocols": protocols, "addresses": listen}));
        self.say(json!({"event": "identified", "peer": peer.to_string(), "agent": info.agent_version,
            "protocol_version": info.protocol_version, "protocols": protocols, "listen": listen,
            "observed": info.observed_addr.to_string(), "signed_record": info.signed_peer_record.is_some()}));
    }
}
