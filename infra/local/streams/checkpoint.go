package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// position is how far a shard has come.
type position struct {
	After string `json:"after,omitempty"` // sequence number of the last record processed; "" for none
	Done  bool   `json:"done,omitempty"`  // the shard is closed, and all of it is processed
}

// checkpoints are the positions of a mapping's shards. They are those of one stream: a table that is made anew has another.
type checkpoints struct {
	file string // "" for memory only

	mu   sync.Mutex
	kept kept
}

// kept is the file's content.
type kept struct {
	Stream string              `json:"stream"` // the engine's ARN of it
	Shards map[string]position `json:"shards"`
}

// openCheckpoints reads what file has of the stream, if there is such a file.
func openCheckpoints(file, stream string) (*checkpoints, error) {
	c := &checkpoints{file: file, kept: kept{Stream: stream, Shards: make(map[string]position)}}
	if file == "" {
		return c, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the checkpoints: %w", err)
	}
	var found kept
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("reading the checkpoints: %s: %w; without the file the stream is delivered from its beginning", file, err)
	}
	if found.Stream == stream && found.Shards != nil {
		c.kept = found
	}
	return c, nil
}

// empty says that no shard has come anywhere.
func (c *checkpoints) empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.kept.Shards) == 0
}

func (c *checkpoints) at(shard string) position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept.Shards[shard]
}

// set keeps a position. The file is written aside and renamed, so that whoever reads it finds a whole one.
func (c *checkpoints) set(shard string, p position) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Shards[shard] = p
	if c.file == "" {
		return nil
	}
	text, err := json.Marshal(c.kept)
	if err != nil {
		return fmt.Errorf("encoding the checkpoints: %w", err)
	}
	unfinished := c.file + ".new"
	if err := os.WriteFile(unfinished, text, 0o600); err != nil {
		return fmt.Errorf("keeping the checkpoints: %w", err)
	}
	if err := os.Rename(unfinished, c.file); err != nil {
		return fmt.Errorf("keeping the checkpoints: %w", err)
	}
	return nil
}
