//! Phone number verification through the carriers, behind `ports::carrier::CarrierVerifier`.
//!
//! No vendor is built yet; the port is the room's place in the map.
