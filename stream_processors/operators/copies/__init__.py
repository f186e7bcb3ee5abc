"""What makes one article a copy of another: shingles, the index of candidates, and the judgement of a pair."""
