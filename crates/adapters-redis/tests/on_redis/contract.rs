//! The contract suites.

use std::sync::Arc;

use adapters_redis::{
    RedisChallenges, RedisOneTimeStates, RedisSessionCopies, RedisSpending, RedisThrottles,
};

use crate::redis;

mod challenges {
    use super::*;

    ports::challenges_contract!(async { Arc::new(RedisChallenges::new(redis())) });
}

mod throttles {
    use super::*;

    ports::throttles_contract!(async { Arc::new(RedisThrottles::new(redis())) });
}

mod session_copies {
    use super::*;

    ports::session_copies_contract!(async { Arc::new(RedisSessionCopies::new(redis())) });
}

mod spending {
    use super::*;

    ports::spending_contract!(async { Arc::new(RedisSpending::new(redis())) });
}

mod one_time {
    use super::*;

    ports::one_time_contract!(async { Arc::new(RedisOneTimeStates::new(redis())) });
}
