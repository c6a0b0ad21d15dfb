//! Moments as bytes, for files and other processes.
//!
//! Little-endian: the magic bytes and the version; players, samples and bound; sums; squares; of
//! reused values how many coalitions hold each player, and the sums over all coalitions; a digest of
//! all before it.

use super::{Moments, Reuse};
use crate::error::{Error, Result};
use crate::memory;

/// The last two are the version and whether values are reused.
const MAGIC: [u8; 6] = *b"aumom\0";
const VERSION: u8 = 1;

/// Magic bytes, version, flag, players, samples and bound.
const HEAD: usize = 32;

/// Every change of one word changes it, and others but for a chance of 2^-64.
fn digest(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(bytes.len() as u64, |state, part| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        let state = (state ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        state ^ state >> 32
    })
}

/// Takes numbers off the front of bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(DAMAGED)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn many<const N: usize, T>(&mut self, count: usize, of: fn([u8; N]) -> T) -> Result<Vec<T>> {
        if count > self.0.len() / N {
            return Err(DAMAGED);
        }
        let mut all = Vec::new();
        memory::reserve(&mut all, count);
        for _ in 0..count {
            all.push(of(self.take()?));
        }
        Ok(all)
    }
}

const DAMAGED: Error = Error::Bytes { what: "damaged" };

impl Moments {
    /// The moments as bytes that [`Moments::from_bytes`] reads, the same on every machine.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        memory::reserve(&mut bytes, HEAD + 28 * self.players() + 32);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, u8::from(self.reuse.is_some())]);
        bytes.extend((self.players() as u64).to_le_bytes());
        bytes.extend(self.samples.to_le_bytes());
        bytes.extend(self.bound.to_le_bytes());
        self.sums.iter().for_each(|sum| bytes.extend(sum.to_le_bytes()));
        self.squares.iter().for_each(|square| bytes.extend(square.to_le_bytes()));
        if let Some(reuse) = &self.reuse {
            reuse.counts.iter().for_each(|count| bytes.extend(count.to_le_bytes()));
            bytes.extend(reuse.sum.to_le_bytes());
            bytes.extend(reuse.square.to_le_bytes());
        }
        bytes.extend(digest(&bytes).to_le_bytes());
        bytes
    }

    /// Moments from their bytes.
    ///
    /// # Errors
    /// [`Error::Bytes`] where these are not the bytes of moments, of another version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() < HEAD || !bytes.starts_with(&MAGIC) {
            return Err(Error::Bytes { what: "not those of moments" });
        }
        if bytes[MAGIC.len()] != VERSION {
            return Err(Error::Bytes { what: "of another version" });
        }
        let (body, end) = bytes.split_last_chunk().ok_or(DAMAGED)?;
        if digest(body) != u64::from_le_bytes(*end) {
            return Err(DAMAGED);
        }
        let reused = body[MAGIC.len() + 1] != 0;
        let mut reader = Reader(&body[MAGIC.len() + 2..]);
        let players = usize::try_from(u64::from_le_bytes(reader.take()?)).map_err(|_| DAMAGED)?;
        let samples = u64::from_le_bytes(reader.take()?);
        let bound = f64::from_le_bytes(reader.take()?);
        let sums = reader.many(players, i64::from_le_bytes)?;
        let squares = reader.many(players, u128::from_le_bytes)?;
        let moments = Self::from_parts(bound, samples, sums, squares)?;
        let moments = if reused {
            let counts = reader.many(players, u32::from_le_bytes)?;
            let sum = i64::from_le_bytes(reader.take()?);
            let square = u128::from_le_bytes(reader.take()?);
            moments.with_reuse(Reuse { counts, sum, square })?
        } else {
            moments
        };
        if reader.0.is_empty() { Ok(moments) } else { Err(DAMAGED) }
    }
}
