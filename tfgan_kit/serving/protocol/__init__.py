"""The methods of the serving API on tensors and protocol buffers, independent of a transport."""
