//! An echo server over smoltcp, a TCP/IP stack for systems without an operating system, and without an allocator.
//!
//! The core decodes in smoltcp's receive buffers, and what it answers is copied once, into the send buffers; all of them
//! are arrays. What belongs to Linux is in `main`: a TAP device in place of an Ethernet driver, and the clock. The
//! server is at 192.168.69.1, port 9001.
//!
//! Run it, with a TAP device of your own:
//! `sudo ip tuntap add tap0 mode tap user $USER && sudo ip addr add 192.168.69.100/24 dev tap0 && sudo ip link set tap0 up`
//! `cargo run -p wsproto-smoltcp-example -- tap0`

#[cfg(target_os = "linux")]
mod client;

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    use std::env;
    use std::hash::{BuildHasher, Hasher, RandomState};
    use std::os::fd::AsRawFd;

    use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
    use smoltcp::phy::{self, Medium, TunTapInterface};
    use smoltcp::socket::tcp::{Socket, SocketBuffer};
    use smoltcp::time::{Duration, Instant};
    use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

    use crate::client::{Client, RECEIVE_LEN, SEND_LEN};

    /// How many clients are served at once; smoltcp refuses more.
    const CLIENTS: usize = 8;
    /// How often deadlines are checked.
    const SWEEP: Duration = Duration::from_secs(1);

    let mut device =
        TunTapInterface::new(&env::args().nth(1).unwrap_or_else(|| "tap0".into()), Medium::Ethernet)?;
    let mut config = Config::new(EthernetAddress([0x02, 0, 0, 0, 0, 1]).into());
    config.random_seed = RandomState::new().build_hasher().finish(); // on a board, from its random numbers
    let mut interface = Interface::new(config, &mut device, Instant::now());
    interface.update_ip_addrs(|addresses| {
        _ = addresses.push(IpCidr::new(IpAddress::v4(192, 168, 69, 1), 24)); // there is room for one
    });

    let (mut receive, mut send) = ([[0; RECEIVE_LEN]; CLIENTS], [[0; SEND_LEN]; CLIENTS]);
    let mut storage = [SocketStorage::EMPTY; CLIENTS];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let mut buffers = receive.iter_mut().zip(&mut send);
    let mut clients: [Option<Client>; CLIENTS] = std::array::from_fn(|_| {
        let (receive, send) = buffers.next()?;
        let socket = Socket::new(SocketBuffer::new(&mut receive[..]), SocketBuffer::new(&mut send[..]));
        Some(Client::new(sockets.add(socket)))
    });
    let start = std::time::Instant::now();
    println!("ws://192.168.69.1:{}/", client::PORT);
    loop {
        let now = Instant::now();
        _ = interface.poll(now, &mut device, &mut sockets);
        for client in clients.iter_mut().flatten() {
            client.turn(&mut sockets, start.elapsed());
        }
        let wait = interface.poll_delay(now, &sockets).unwrap_or(SWEEP).min(SWEEP);
        phy::wait(device.as_raw_fd(), Some(wait))?;
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("TAP devices are a part of Linux");
}
