package limit

import (
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

// maxRemembered is how many buckets a container remembers, about a megabyte.
const maxRemembered = 8192

// key names a bucket, whatever the length of its holder's name.
type key [sha256.Size]byte

func keyOf(bucket Bucket) key { return sha256.Sum256([]byte(bucket.Scope + "\x00" + bucket.Holder)) }

// holding is what a container knows of a bucket's window.
type holding struct {
	end   time.Time
	left  int // permits that the store had left when it was asked last
	spare int // permits taken from the store and not used yet
	used  int // permits used in this container
}

// spent says that a window is known to have no permit left, in the store or here.
func (h holding) spent() bool { return !h.end.IsZero() && h.left == 0 && h.spare == 0 }

// memory is what a container remembers of buckets, each until its window ends.
type memory struct {
	mu   sync.Mutex
	held map[key]holding
	most int
}

func newMemory(most int) *memory { return &memory{held: make(map[key]holding), most: most} }

// recall returns what is known of a bucket's window at now; the zero value if it is none, or has ended.
func (m *memory) recall(bucket key, now time.Time) holding {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current(bucket, now)
}

func (m *memory) current(bucket key, now time.Time) holding {
	held := m.held[bucket]
	if !now.Before(held.end) {
		return holding{}
	}
	return held
}

// use uses a spare permit, if there is one.
func (m *memory) use(bucket key, now time.Time) (holding, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := m.current(bucket, now)
	if held.spare == 0 {
		return held, false
	}
	held.spare--
	held.used++
	m.held[bucket] = held
	return held, true
}

// note remembers how the store said that a bucket stands after it has given so many permits, of which one is used at once.
func (m *memory) note(bucket key, end time.Time, left, permits int, now time.Time) holding {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := m.current(bucket, now)
	if !held.end.Equal(end) {
		held = holding{end: end}
	}
	held.left = left
	if permits > 0 {
		held.used++
		held.spare += permits - 1
	}
	m.makeRoom(now)
	m.held[bucket] = held
	return held
}

// makeRoom forgets the windows that have ended once there are too many, and all if that is not enough: somebody is flooding us
// from everywhere, and what is forgotten costs one write each.
func (m *memory) makeRoom(now time.Time) {
	if len(m.held) < m.most {
		return
	}
	maps.DeleteFunc(m.held, func(_ key, held holding) bool { return !now.Before(held.end) })
	if len(m.held) >= m.most {
		clear(m.held)
	}
}
