//! Entropy: the source of masking keys and of `Sec-WebSocket-Key` (RFC 6455 §5.3, §10.3).
//!
//! The crate has no hidden source: the caller passes one to each client.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

/// A source of unpredictable bytes, for masking keys and for requests.
///
/// Masking keys must come from a strong source of entropy, so that no page and no peer can choose the bytes on the
/// wire (§10.3). Implement this with a cryptographically secure generator, and with a fixed sequence only in tests. A
/// client takes 4 bytes for each frame that it sends, and 16 for each request.
///
/// ```
/// use wsproto::Entropy;
///
/// /// For tests: counts instead of being random.
/// struct Counter(u8);
///
/// impl Entropy for Counter {
///     fn fill(&mut self, bytes: &mut [u8]) {
///         for byte in bytes {
///             self.0 = self.0.wrapping_add(1);
///             *byte = self.0;
///         }
///     }
/// }
///
/// assert_eq!(Counter(0).masking_key(), [1, 2, 3, 4]);
/// ```
pub trait Entropy {
    /// Fills all of `bytes` with unpredictable values.
    fn fill(&mut self, bytes: &mut [u8]);

    /// Returns the masking key for one frame.
    #[inline]
    fn masking_key(&mut self) -> [u8; 4] {
        let mut key = [0; 4];
        self.fill(&mut key);
        key
    }
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    #[inline]
    fn fill(&mut self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }

    #[inline]
    fn masking_key(&mut self) -> [u8; 4] {
        (**self).masking_key()
    }
}

#[cfg(feature = "alloc")]
impl<E: Entropy + ?Sized> Entropy for Box<E> {
    #[inline]
    fn fill(&mut self, bytes: &mut [u8]) {
        (**self).fill(bytes);
    }

    #[inline]
    fn masking_key(&mut self) -> [u8; 4] {
        (**self).masking_key()
    }
}

/// The entropy of a server, which masks nothing: it has no values, so the compiler removes the code that masks.
///
/// A `Connection` without a parameter is a `Connection<NoEntropy>`: a server's. A client's is a
/// [`ClientConnection`](crate::ClientConnection); for both in one type, see
/// [`Connection::with_role`](crate::Connection::with_role).
///
/// ```
/// use wsproto::{Connection, Limits, NoEntropy};
///
/// struct Session {
///     connection: Connection<NoEntropy>, // a server's
/// }
///
/// let session = Session { connection: Connection::server(Limits::default()) };
/// # let _ = session.connection;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEntropy {}

impl Entropy for NoEntropy {
    fn fill(&mut self, _: &mut [u8]) {
        match *self {}
    }
}

// Not on WebAssembly without a system, unless with feature `wasm_js`: `getrandom` does not build there.
#[cfg(all(
    feature = "std",
    any(feature = "wasm_js", not(all(target_family = "wasm", target_os = "unknown")))
))]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub(crate) mod os {
    use core::fmt;
    use std::io;

    use rand::rngs::{StdRng, SysRng};
    use rand::{Rng, SeedableRng};

    use super::Entropy;

    /// A secure random generator (ChaCha12) with a seed from the operating system.
    ///
    /// It makes a system call only for the seed: one for each masking key would cost more than the frame. Each
    /// `SeededEntropy` has its own seed; connections on one thread may also share one by `&mut`.
    ///
    /// ```
    /// use wsproto::{Entropy, SeededEntropy};
    ///
    /// let mut entropy = SeededEntropy::new();
    /// assert_ne!(entropy.masking_key(), [0; 4]); // except once in 2³² runs
    /// ```
    ///
    /// # After a fork
    ///
    /// The generator does not notice a fork. After `fork`, parent and child have the same generator: both make the same
    /// masking keys and the same `Sec-WebSocket-Key`, and a peer of one can predict those of the other. Call
    /// [`reseed`](Self::reseed) in the child before it sends anything, or make a new `SeededEntropy` there. The same
    /// is true if a virtual machine is copied, or is started twice from one snapshot.
    ///
    /// A generator that was moved into a [`Connection`](crate::Connection) cannot be reseeded there. If a child
    /// continues to use a connection, give it your own [`Entropy`] that shares its `SeededEntropy` with you,
    /// for example by `Arc<Mutex<SeededEntropy>>`.
    ///
    /// # WebAssembly
    ///
    /// On `wasm32-wasip1` and the other targets of WASI, the seed comes from the host. `wasm32-unknown-unknown` has no
    /// operating system, and this type exists there only with feature `wasm_js`: then the seed comes from JavaScript's
    /// `crypto.getRandomValues`, through `wasm-bindgen`. Without that feature, implement [`Entropy`] with what your
    /// host offers.
    pub struct SeededEntropy(StdRng);

    impl SeededEntropy {
        /// Creates a generator with a seed from the operating system.
        ///
        /// # Panics
        ///
        /// If the operating system returns no entropy. [`try_new`](Self::try_new) returns an error instead.
        ///
        /// ```
        /// use wsproto::{Connection, Limits, Ping, SeededEntropy};
        ///
        /// let mut client = Connection::client(Limits::default(), SeededEntropy::new());
        /// let mut output = Vec::new();
        /// client.send(Ping::new(b""), &mut output)?;
        /// assert_eq!(output[..2], *b"\x89\x80"); // then four bytes of masking key
        /// assert_eq!(output.len(), 6);
        /// # Ok::<(), wsproto::LocalProtocolError>(())
        /// ```
        pub fn new() -> Self {
            #[expect(clippy::expect_used, reason = "documented: nothing can be masked without entropy")]
            Self::try_new().expect("the operating system returns entropy")
        }

        /// Creates a generator with a seed from the operating system, or returns its error.
        ///
        /// # Errors
        ///
        /// The error of the operating system; then no client is safe. On today's common systems this happens only
        /// if a sandbox forbids the system call.
        ///
        #[cfg_attr(feature = "handshake", doc = "```")]
        #[cfg_attr(not(feature = "handshake"), doc = "```ignore")]
        /// use wsproto::{SeededEntropy, WsConnection};
        ///
        /// let client = WsConnection::client(SeededEntropy::try_new()?);
        /// # let _ = client;
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn try_new() -> io::Result<Self> {
            Ok(Self(StdRng::try_from_rng(&mut SysRng)?))
        }

        /// Replaces the seed with a new one from the operating system: needed in a child after a fork.
        ///
        /// # Errors
        ///
        /// As for [`try_new`](Self::try_new). Then the generator is unchanged, and a child must not use it.
        ///
        /// ```
        /// use wsproto::{Entropy, SeededEntropy};
        ///
        /// let mut entropy = SeededEntropy::new();
        /// // In the child, after a fork:
        /// entropy.reseed()?;
        /// let key = entropy.masking_key(); // not the one that the parent makes
        /// # let _ = key;
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn reseed(&mut self) -> io::Result<()> {
            *self = Self::try_new()?;
            Ok(())
        }
    }

    impl Default for SeededEntropy {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Entropy for SeededEntropy {
        #[inline]
        fn fill(&mut self, bytes: &mut [u8]) {
            self.0.fill_bytes(bytes);
        }

        #[inline]
        fn masking_key(&mut self) -> [u8; 4] {
            self.0.next_u32().to_ne_bytes()
        }
    }

    impl fmt::Debug for SeededEntropy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // The state would reveal the next keys.
            f.debug_struct("SeededEntropy").finish_non_exhaustive()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Two generators in the same state, like those of parent and child after a fork.
        fn forked() -> (SeededEntropy, SeededEntropy) {
            (SeededEntropy(StdRng::from_seed([7; 32])), SeededEntropy(StdRng::from_seed([7; 32])))
        }

        fn keys(entropy: &mut SeededEntropy) -> [[u8; 4]; 8] {
            [(); 8].map(|()| entropy.masking_key())
        }

        #[test]
        fn reseeding_one_of_two_equal_generators_gives_it_other_keys() {
            let (mut parent, mut child) = forked();
            assert_eq!(keys(&mut parent), keys(&mut child));
            child.reseed().unwrap();
            assert_ne!(keys(&mut parent), keys(&mut child));
        }

        #[test]
        fn each_reseeding_gives_other_keys() {
            let (mut one, mut other) = forked();
            one.reseed().unwrap();
            other.reseed().unwrap();
            assert_ne!(keys(&mut one), keys(&mut other));
        }

        #[test]
        fn try_new_gives_a_generator_of_its_own_each_time() {
            let (mut one, mut other) = (SeededEntropy::try_new().unwrap(), SeededEntropy::try_new().unwrap());
            assert_ne!(keys(&mut one), keys(&mut other));
        }
    }
}
