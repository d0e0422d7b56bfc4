package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"latchkey/infra/report"
	"latchkey/pkg/app"
)

// measureFormer measures every function's start, and the requests me, refresh and login through the Runtime API, in turns with the
// functions of a former commit. Both run against the same engine with the same environment.
func measureFormer(commit string) func(context.Context, *product, effort, *table) error {
	return func(ctx context.Context, p *product, effort effort, table *table) error {
		current, removeCurrent, err := build(ctx, p.root)
		if err != nil {
			return err
		}
		defer removeCurrent()
		former, removeFormer, err := buildFormer(ctx, p.root, commit)
		if err != nil {
			return err
		}
		defer removeFormer()
		c := comparison{product: p, current: current, former: former, commit: commit, table: table}
		if err := c.starts(ctx, effort.starts); err != nil {
			return err
		}
		return c.requests(ctx, effort.warmPairs*effort.warmBatch/10)
	}
}

// buildFormer builds the functions of a commit in a work tree of its own.
func buildFormer(ctx context.Context, root, commit string) (folder string, remove func(), err error) {
	parent, err := os.MkdirTemp("", "latchkey-former-")
	if err != nil {
		return "", nil, fmt.Errorf("creating a folder for the former commit: %w", err)
	}
	tree := filepath.Join(parent, "tree")
	git := func(ctx context.Context, arguments ...string) error {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root, "worktree"}, arguments...)...)
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git worktree %v: %w\n%s", arguments, err, output)
		}
		return nil
	}
	clean := func() {
		_ = git(context.WithoutCancel(ctx), "remove", "--force", tree)
		_ = os.RemoveAll(parent)
	}
	if err := git(ctx, "add", "--detach", tree, commit); err != nil {
		clean()
		return "", nil, err
	}
	folder, removeBinaries, err := build(ctx, tree)
	if err != nil {
		clean()
		return "", nil, err
	}
	return folder, func() { removeBinaries(); clean() }, nil
}

// comparison measures the current functions against those of a former commit.
type comparison struct {
	product         *product
	current, former string // folders of binaries
	commit          string
	table           *table
}

// noWorse is the bar of a comparison. It leaves 5 % for the noise of a shared machine.
var noWorse = report.AtMost(1.05)

func (c comparison) starts(ctx context.Context, count int) error {
	for _, function := range c.product.template.Functions {
		name := filepath.Base(function.Folder)
		variables, err := c.product.variables(name)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(c.former, name)); err != nil {
			continue // the function is new
		}
		var measured pair
		for round := range count + 1 {
			current, err := untilReady(ctx, filepath.Join(c.current, name), variables)
			if err != nil {
				return fmt.Errorf("starting %s: %w", name, err)
			}
			former, err := untilReady(ctx, filepath.Join(c.former, name), variables)
			if err != nil {
				return fmt.Errorf("starting %s of %s: %w", name, c.commit, err)
			}
			if round > 0 { // the first start reads the binary from the disk
				measured.add(current, former)
			}
		}
		c.table.add("exec to ready, "+name+" / "+c.commit, &measured, noWorse)
	}
	return nil
}

func (c comparison) requests(ctx context.Context, count int) error {
	registration, err := c.product.endpoint("register", "POST /api/auth/register", app.Register)
	if err != nil {
		return err
	}
	user, err := c.product.register(ctx, registration)
	if err != nil {
		return err
	}
	login := object("username", user.name, "password", password)
	for _, row := range []struct {
		name, route, body, bearer string
		count                     int
	}{
		{"me", "POST /api/auth/me", "", user.access, count},
		{"refresh", "POST /api/auth/refresh", object("refresh_token", user.refresh), "", count}, // within the grace window
		{"login", "POST /api/auth/login", login, "", max(count/10, 10)},
	} {
		measured, err := c.inTurns(ctx, row.name, func(n int) []byte { return event(row.route, row.body, row.bearer, n) }, row.count)
		if err != nil {
			return fmt.Errorf("requests to %s: %w", row.name, err)
		}
		c.table.add("one request, "+row.name+" / "+c.commit, measured, noWorse)
	}
	return nil
}

// inTurns sends the same events to a process of each build, one after the other.
func (c comparison) inTurns(ctx context.Context, name string, payload func(n int) []byte, count int) (*pair, error) {
	variables, err := c.product.variables(name)
	if err != nil {
		return nil, err
	}
	var processes [2]*process
	for i, folder := range []string{c.current, c.former} {
		if processes[i], err = startProcess(filepath.Join(folder, name), variables); err != nil {
			return nil, err
		}
		defer processes[i].end()
	}
	measured := &pair{}
	for n := range settling + count {
		var elapsed [2]time.Duration
		for i, process := range processes {
			if elapsed[i], err = process.invoke(ctx, payload(n), unthrottled); err != nil {
				return nil, err
			}
		}
		if n >= settling {
			measured.add(elapsed[0], elapsed[1])
		}
	}
	return measured, nil
}
