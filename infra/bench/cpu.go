package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey/infra/local/child"
	"latchkey/infra/report"
)

// cpuRow describes the measurement of the CPU time and memory of one function.
type cpuRow struct {
	function, route string
	status          int
	hashes          bool
	cpu             report.Bar // ms of a request

	// request returns the n-th event of a client with an account of its own. last is the previous response, nil for the first event.
	request func(a account, route string, n int, last []byte) []byte
}

var cpuRows = []cpuRow{
	{"register", "POST /api/auth/register", http.StatusCreated, true, report.AtMost(33), registerEvent},
	{"login", "POST /api/auth/login", http.StatusOK, true, report.AtMost(29), loginEvent},
	{"refresh", "POST /api/auth/refresh", http.StatusOK, false, report.AtMost(1.2), refreshEvent},
	{"me", "POST /api/auth/me", http.StatusOK, false, report.AtMost(0.7), meEvent},
}

func registerEvent(a account, route string, n int, _ []byte) []byte {
	name := fmt.Sprint(a.name, "-", n)
	return event(route, object("username", name, "email", name+"@example.com", "password", password), "", n)
}

func loginEvent(a account, route string, n int, _ []byte) []byte {
	return event(route, object("username", a.name, "password", password), "", n)
}

func refreshEvent(a account, route string, _ int, last []byte) []byte {
	current := a.refresh
	if last != nil {
		current = member(last, "refresh_token")
	}
	return event(route, object("refresh_token", current), "", 1)
}

func meEvent(a account, route string, _ int, _ []byte) []byte { return event(route, "", a.access, 1) }

// The memory of a process after the load, in MiB.
var lightMemory, hashingMemory = report.AtMost(16), report.AtMost(48)

// measureCPU measures the CPU time that function processes use for a request, by their own clocks: one process alone, and eight that
// serve eight clients at the same time. The engine and the bench do not count. It also measures the resident memory afterwards.
func measureCPU(ctx context.Context, p *product, effort effort, table *table) error {
	folder, registration, remove, err := p.functions(ctx)
	if err != nil {
		return err
	}
	defer remove()
	for _, row := range cpuRows {
		for _, clients := range []int{1, 8} {
			load := load{row: row, binary: filepath.Join(folder, row.function), batches: effort.cpuBatches, batch: lightBatch}
			memory := lightMemory
			if row.hashes {
				load.batch, memory = hashingBatch, hashingMemory
			}
			used, err := load.measure(ctx, p, registration, clients)
			if err != nil {
				return fmt.Errorf("%s with %d clients: %w", row.function, clients, err)
			}
			name := fmt.Sprintf("%s, %d parallel clients", row.function, clients)
			table.addValues(name+", CPU of a request, ms", used.cpu, row.cpu)
			table.addValues(name+", memory afterwards, MiB", used.memory, memory)
		}
	}
	return nil
}

// The number of requests in a batch. The CPU time of a batch is one sample. All logins together stay below session.MaxPerUser.
const (
	lightBatch   = 50
	hashingBatch = 4
)

// load sends the requests of a row.
type load struct {
	row     cpuRow
	binary  string
	batches int // of each client
	batch   int
}

// usage holds one sample of cpu, in ms, for each batch, and one of memory, in MiB, for each process.
type usage struct{ cpu, memory []float64 }

// measure starts a process for each client, and returns what all of them used.
func (l load) measure(ctx context.Context, p *product, registration *endpoint, clients int) (usage, error) {
	variables, err := p.variables(l.row.function)
	if err != nil {
		return usage{}, err
	}
	used, failed := make([]usage, clients), make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		owner, err := p.register(ctx, registration)
		if err != nil {
			return usage{}, err
		}
		process, err := startProcess(l.binary, variables)
		if err != nil {
			return usage{}, err
		}
		defer process.end()
		all.Go(func() { used[i], failed[i] = l.run(ctx, process, owner) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return usage{}, err
	}
	var total usage
	for _, each := range used {
		total.cpu, total.memory = append(total.cpu, each.cpu...), append(total.memory, each.memory...)
	}
	return total, nil
}

// run is one client of a process. The first batch does not count.
func (l load) run(ctx context.Context, p *process, owner account) (usage, error) {
	var used usage
	var last []byte
	n := 0
	for batch := range l.batches + 1 {
		before, err := child.CPUTime(p.Pid())
		if err != nil {
			return usage{}, err
		}
		for range l.batch {
			n++
			if last, _, err = p.exchange(ctx, l.row.request(owner, l.row.route, n, last), unthrottled, l.row.status); err != nil {
				return usage{}, err
			}
		}
		after, err := child.CPUTime(p.Pid())
		if err != nil {
			return usage{}, err
		}
		if batch > 0 {
			used.cpu = append(used.cpu, float64(after-before)/float64(l.batch)/float64(time.Millisecond))
		}
	}
	memory, err := residentMemory(p.Pid())
	used.memory = []float64{memory}
	return used, err
}

// residentMemory returns the resident memory of a process in MiB (proc_pid_statm(5)).
func residentMemory(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of a process: %w", err)
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, errors.New("reading the memory of a process: statm has no second field")
	}
	pages, err := strconv.Atoi(fields[1])
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20), err
}
