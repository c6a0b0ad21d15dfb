//! Cooperative games: a value for every coalition of players.
//!
//! A value function and a baseline make a game of the present agents: agents outside a coalition
//! stand at their baseline. What makes a game fast is that players join one by one, each in a time
//! that does not grow with the coalition, or only with its logarithm.

/// A game of players `0..players`.
///
/// Whoever implements it for a game of their own gets enumeration and all sampled values.
pub trait Game: Send + Sync {
    /// Number of players.
    fn players(&self) -> usize;

    /// The empty coalition.
    fn empty(&self) -> Box<dyn Coalition + '_>;

    /// A number that no marginal contribution exceeds in magnitude. It sets the unit in which
    /// samples are added up, a part in 2^42 of it, so a generous one costs digits.
    fn bound(&self) -> f64;
}

/// A coalition that players join and leave.
pub trait Coalition {
    /// Adds a player who is not a member and returns the change of the value.
    fn add(&mut self, player: usize) -> f64;

    /// Removes a member and returns the change of the value.
    fn remove(&mut self, player: usize) -> f64;

    /// The value of the members together.
    fn value(&self) -> f64;
}
