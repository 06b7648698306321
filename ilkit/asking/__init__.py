"""What labelers and kinds of questions share: judging clips, choosing pairs of them."""
