//! The throttle on new connections: a token bucket, and in front of it a drop by chance that adapts
//! itself to the load (`BlueThrottle`).

use crate::config::ConnectionThrottle;
use crate::ids::Millis;

/// What a client connects for; each kind may cost a different number of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectKind {
    /// A new session of the ensemble.
    Global,
    /// A new session of this server alone.
    Local,
    /// A session that exists.
    Renew,
}

/// The token bucket. A bucket of 0 tokens lets everyone in.
#[derive(Debug)]
pub struct BlueThrottle {
    settings: ConnectionThrottle,
    tokens: i32,
    last_fill: Millis,
    last_freeze: Millis,
    drop: f64,
    random: u64,
}

impl BlueThrottle {
    /// A full bucket. `seed` starts the random numbers.
    pub fn new(settings: ConnectionThrottle, now: Millis, seed: u64) -> Self {
        Self {
            settings,
            tokens: settings.tokens,
            last_fill: now,
            last_freeze: now,
            drop: 0.0,
            random: seed | 1,
        }
    }

    /// How likely the next connection is to be dropped by chance: the metric
    /// `connection_drop_probability`.
    pub fn drop_chance(&self) -> f64 {
        self.drop
    }

    /// How many tokens the bucket lacks: the metric `connection_token_deficit`.
    pub fn deficit(&self) -> i32 {
        self.settings.tokens - self.tokens
    }

    /// Whether a client may have a connection of this kind; its tokens are then taken.
    pub fn admit(&mut self, kind: ConnectKind, now: Millis) -> bool {
        self.check_limit(self.cost(kind), now)
    }

    fn cost(&self, kind: ConnectKind) -> i32 {
        match kind {
            _ if !self.settings.weight_enabled => 1,
            ConnectKind::Global => self.settings.global_session_weight,
            ConnectKind::Local => self.settings.local_session_weight,
            ConnectKind::Renew => self.settings.renew_session_weight,
        }
    }

    fn check_limit(&mut self, need: i32, now: Millis) -> bool {
        if self.settings.tokens == 0 {
            return true;
        }
        self.refill(now);
        let adaptive = self.settings.freeze_time_ms != -1;
        if (adaptive && !self.survives(now)) || self.tokens < need {
            return false;
        }
        self.tokens -= need;
        true
    }

    fn refill(&mut self, now: Millis) {
        let passed = now - self.last_fill;
        let fill_time = i64::from(self.settings.fill_time_ms);
        if passed <= fill_time {
            return;
        }
        let added = match fill_time {
            // Java divides by zero here and ends the connection; a bucket that fills in no time is full.
            0 => i64::MAX,
            time => passed.saturating_mul(i64::from(self.settings.fill_count)) / time,
        };
        let level = i64::from(self.tokens).saturating_add(added);
        let max = i64::from(self.settings.tokens);
        self.tokens = if level < 0 { self.settings.tokens } else { level.min(max) as i32 };
        self.last_fill = now;
    }

    /// Adapts the drop probability every `freeze_time_ms` and throws the dice.
    fn survives(&mut self, now: Millis) -> bool {
        let s = &self.settings;
        if now - self.last_freeze > i64::from(s.freeze_time_ms) {
            let threshold = (f64::from(s.tokens) * s.decrease_ratio + 0.5).floor();
            if self.deficit() == s.tokens && self.drop < 1.0 {
                self.drop = (self.drop + s.drop_increase).min(1.0);
            } else if f64::from(self.deficit()) <= threshold && self.drop > 0.0 {
                self.drop = (self.drop - s.drop_decrease).max(0.0);
            }
            self.last_freeze = now;
        }
        self.random_fraction() >= self.drop
    }

    /// A number from 0 up to 1 (xorshift64*): nothing secret hangs on it.
    fn random_fraction(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let bits = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: ConnectionThrottle = ConnectionThrottle {
        tokens: 3,
        fill_time_ms: 10,
        fill_count: 1,
        freeze_time_ms: -1,
        drop_increase: 0.02,
        drop_decrease: 0.002,
        decrease_ratio: 0.0,
        weight_enabled: false,
        global_session_weight: 3,
        local_session_weight: 1,
        renew_session_weight: 2,
    };

    #[test]
    fn no_tokens_means_no_limit() {
        let mut t = BlueThrottle::new(ConnectionThrottle { tokens: 0, ..SETTINGS }, 0, 1);
        assert!((0..100).all(|_| t.admit(ConnectKind::Global, 0)));
    }

    #[test]
    fn a_bucket_empties_and_refills() {
        let mut t = BlueThrottle::new(SETTINGS, 0, 1);
        assert!((0..3).all(|_| t.admit(ConnectKind::Global, 0)));
        assert!(!t.admit(ConnectKind::Global, 10));
        assert!(t.admit(ConnectKind::Global, 11));
        assert!(!t.admit(ConnectKind::Global, 12));
        assert!((0..3).all(|_| t.admit(ConnectKind::Renew, 1_000)));
        assert_eq!(t.deficit(), 3);
    }

    #[test]
    fn kinds_cost_by_weight_where_weights_are_on() {
        let mut t =
            BlueThrottle::new(ConnectionThrottle { weight_enabled: true, ..SETTINGS }, 0, 1);
        assert!(t.admit(ConnectKind::Renew, 0));
        assert!(!t.admit(ConnectKind::Global, 0));
        assert!(t.admit(ConnectKind::Local, 0));
    }

    #[test]
    fn under_load_the_drop_chance_rises_and_falls() {
        let settings = ConnectionThrottle {
            freeze_time_ms: 1,
            drop_increase: 0.5,
            drop_decrease: 0.5,
            fill_time_ms: 1_000,
            ..SETTINGS
        };
        let mut t = BlueThrottle::new(settings, 0, 1);
        for now in 0..10 {
            t.admit(ConnectKind::Global, now);
        }
        assert_eq!(t.drop_chance(), 1.0);
        assert!(!t.admit(ConnectKind::Global, 11));
        t.admit(ConnectKind::Global, 10_000);
        t.admit(ConnectKind::Global, 20_000);
        assert!(t.drop_chance() < 1.0);
    }
}
