"""The licensing protocol SL/1 without a wire: messages, signed objects, and the machines at both ends."""
