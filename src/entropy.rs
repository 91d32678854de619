//! Where masking keys and nonces come from (RFC 6455 §5.3, §10.3).
//!
//! The crate draws no randomness of its own: whoever makes a client hands it a source.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;

/// A source of bytes that nobody can predict.
///
/// A masking key must come from a strong source of entropy, so that no page or peer can choose the
/// bytes that travel (§10.3): implement this by a cryptographically secure generator, and by a fixed
/// sequence in tests only. Four bytes are drawn for each frame that a client sends, and sixteen for
/// each request.
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
    /// Fills all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);

    /// Draws the key for one frame.
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

/// The entropy of a server, which masks nothing: there is none, and the compiler knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEntropy {}

impl Entropy for NoEntropy {
    fn fill(&mut self, _: &mut [u8]) {
        match *self {}
    }
}

#[cfg(feature = "std")]
pub use os::OsEntropy;

#[cfg(feature = "std")]
mod os {
    use core::fmt;

    use rand::rngs::{StdRng, SysRng};
    use rand::{Rng, SeedableRng};

    use super::Entropy;

    /// A generator (ChaCha, twelve rounds) seeded by the operating system.
    ///
    /// A system call for each masking key would cost more than the frame it masks. Each `OsEntropy`
    /// has a seed of its own; many connections on one thread may also share one by `&mut`.
    ///
    /// ```
    /// use wsproto::{Entropy, OsEntropy};
    ///
    /// let mut entropy = OsEntropy::new();
    /// assert_ne!(entropy.masking_key(), [0; 4]); // but for once in 2³² runs
    /// ```
    pub struct OsEntropy(StdRng);

    impl OsEntropy {
        /// Seeds a generator.
        ///
        /// # Panics
        ///
        /// Where the operating system has no entropy to give, as no client can be safe there.
        pub fn new() -> Self {
            #[expect(clippy::expect_used, reason = "documented: nothing can be masked without entropy")]
            let rng = StdRng::try_from_rng(&mut SysRng).expect("the operating system gives entropy");
            Self(rng)
        }
    }

    impl Default for OsEntropy {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Entropy for OsEntropy {
        #[inline]
        fn fill(&mut self, bytes: &mut [u8]) {
            self.0.fill_bytes(bytes);
        }

        #[inline]
        fn masking_key(&mut self) -> [u8; 4] {
            self.0.next_u32().to_ne_bytes()
        }
    }

    impl fmt::Debug for OsEntropy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            // The state would give away the keys to come.
            f.debug_struct("OsEntropy").finish_non_exhaustive()
        }
    }
}
