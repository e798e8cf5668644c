"""The methods of the serving API on tensors and protocol buffers, without a wire."""
