//! Masking keys: from a generator that exists once a key is needed (RFC 6455 §5.3).

use std::fmt;
use std::io;

use wsproto::{Entropy, SeededEntropy};

/// The masking keys of a connection; a server, which does not mask, never creates the generator.
///
/// ```
/// use wsproto_tokio::wsproto::{Connection, Limits};
/// use wsproto_tokio::MaskingKeys;
///
/// let client = Connection::client(Limits::default(), MaskingKeys::default());
/// let server = Connection::with_role(wsproto::Role::Server, Limits::default(), MaskingKeys::default());
/// # let _ = (client, server);
/// ```
///
/// # Panics
///
/// When the first key is made, if the operating system returns no entropy. [`seeded`](Self::seeded) returns an error
/// instead, before a connection exists.
#[derive(Default)]
pub struct MaskingKeys(Option<Box<SeededEntropy>>);

impl MaskingKeys {
    /// Keys from a generator that is created now.
    ///
    /// # Errors
    ///
    /// The operating system returns no entropy.
    pub fn seeded() -> io::Result<Self> {
        Ok(Self(Some(Box::new(SeededEntropy::try_new()?))))
    }

    fn generator(&mut self) -> &mut SeededEntropy {
        self.0.get_or_insert_with(Box::default)
    }
}

impl Entropy for MaskingKeys {
    #[inline]
    fn fill(&mut self, bytes: &mut [u8]) {
        self.generator().fill(bytes);
    }

    #[inline]
    fn masking_key(&mut self) -> [u8; 4] {
        self.generator().masking_key()
    }
}

impl fmt::Debug for MaskingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskingKeys").finish_non_exhaustive()
    }
}
