"""The wire contract: protobuf stays in this room; everybody else sees frozen, checked values."""
