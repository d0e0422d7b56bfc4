# `make help` lists the targets. Everything is installed below the checkout, in folders that git ignores.

SHELL = /bin/sh
.DEFAULT_GOAL = help
.DELETE_ON_ERROR:
.PHONY: help generate run run-fresh setup sam-local test test-browser test-sam e2e lint fuzz validate deploy destroy ci bench cost clean

FUZZ_INPUTS ?= 50000
export SAM_CLI_TELEMETRY = 0

node_modules   = infra/local/node_modules/.package-lock.json
browser_driver = infra/browser/node_modules/.package-lock.json
dynamodb_local = .tools/dynamodb-local
python_tools   = .tools/venv/installed
checkov        = .tools/checkov/installed
environment    = $(if $(filter dev,$(STAGE)),default,$(STAGE))
stack          = $(shell sed -n '/^.$(environment).global/,/stack_name/ s/^stack_name = "\(.*\)"/\1/p' samconfig.toml)
host           = .tools/bin/local

# dynoxide is the default engine but exists for one platform only. Other platforms use DynamoDB Local.
engine = $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),,$(dynamodb_local))

# need is a recipe line that ends the recipe with one line of explanation if a program is missing.
need = @command -v $(1) >/dev/null || { echo "latchkey: $(1) is missing: install $(2)" >&2; exit 1; }

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s  %s\n", $$1, $$2 }' Makefile

run: $(node_modules) $(engine) ## run the API locally; settings: PORT MAIL_PORT OPENID_PORT DYNAMODB_PORT DATA_DIR DYNAMODB_ENDPOINT
	$(call need,go,Go 1.26 or later)
	@go build -o $(host) ./infra/local
	@exec $(host)

run-fresh: $(node_modules) $(engine) ## like run, with empty tables and new signing keys
	$(call need,go,Go 1.26 or later)
	@go build -o $(host) ./infra/local
	@exec $(host) -fresh

sam-local: $(node_modules) $(engine) $(python_tools) ## like run, with the functions in Docker containers (sam local); further setting: SAM_IMAGE
	$(call need,go,Go 1.26 or later)
	@go build -o $(host) ./infra/local
	@exec $(host) -sam

setup: $(node_modules) $(dynamodb_local) $(python_tools) ## install the emulators of DynamoDB, SES, Systems Manager and Google's sign-in

test: setup ## run all tests, on both DynamoDB engines
	$(call need,go,Go 1.26 or later)
	$(call need,gcc,a C compiler; the race detector needs one)
	$(call need,java,a Java runtime of version 11 or later; DynamoDB Local needs it)
	CGO_ENABLED=1 go test -race -shuffle=on -parallel=16 -timeout=40m ./...
	CGO_ENABLED=1 go test -race -shuffle=on -tags=guard ./infra/local/child

test-browser: $(node_modules) $(engine) $(browser_driver) ## test sign-in and the pages in a real browser (headless Chromium)
	$(call need,go,Go 1.26 or later)
	infra/browser/chromium.sh --install
	go test -count=1 -tags=browser ./infra/browser

test-sam: $(node_modules) $(engine) $(python_tools) ## test the functions in Docker containers; uses your Docker, or installs Debian's as root
	$(call need,go,Go 1.26 or later)
	infra/local/docker/docker.sh --install
	go test -count=1 -v -timeout=20m -tags=sam ./infra/local/sam

e2e: ## call every endpoint of a running Latchkey: BASE_URL=… and, for a local SES, MAIL_URL=…
	$(call need,go,Go 1.26 or later)
	go test -count=1 -v -tags=deployed ./infra/acceptance

generate: ## write the routes, functions and roles of template.yaml from the code
	$(call need,go,Go 1.26 or later)
	go run ./infra/generate

lint: ## check the code, the modules and the files
	$(call need,go,Go 1.26 or later)
	infra/tools/hygiene.sh
	go mod verify
	go mod tidy -diff
	go run ./infra/generate -check
	go tool -modfile=infra/tools/go.mod golangci-lint run ./...

fuzz: ## run each fuzz target with FUZZ_INPUTS inputs
	$(call need,go,Go 1.26 or later)
	infra/tools/fuzz.sh $(FUZZ_INPUTS)

validate: $(python_tools) $(checkov) ## check the template, build as for a deployment, and check the binaries
	$(call need,go,Go 1.26 or later)
	.tools/venv/bin/cfn-lint template.yaml
	.tools/venv/bin/sam validate --lint --region us-east-1
	.tools/venv/bin/python infra/tools/translate.py template.yaml Stage=prod MailFrom=no-reply@latchkey.example AlarmEmail=oncall@latchkey.example | go run ./infra/checkstack
	.tools/checkov/bin/checkov --file template.yaml --config-file infra/tools/checkov.yaml
	infra/tools/vulncheck.sh
	.tools/venv/bin/sam build
	go run ./infra/checkbuild
	infra/tools/reproducible.sh Me Login

deploy: $(python_tools) ## deploy a stage to AWS: STAGE=dev, staging or prod (see samconfig.toml)
	$(call need,go,Go 1.26 or later)
	@infra/tools/stage.sh "$(STAGE)"
	.tools/venv/bin/sam build --config-env $(environment)
	@PATH=.tools/venv/bin:$$PATH infra/tools/stack.sh clear "$(stack)"
	.tools/venv/bin/sam deploy --config-env $(environment)
	@$(if $(filter prod,$(STAGE)),PATH=.tools/venv/bin:$$PATH infra/tools/stack.sh protect "$(stack)")

destroy: $(python_tools) ## delete a stage from AWS except its tables and keys: STAGE=dev or staging
	@infra/tools/stage.sh "$(STAGE)" destroy
	.tools/venv/bin/sam delete --config-env $(environment)

ci: lint test test-browser fuzz validate test-sam ## run everything that continuous integration runs

bench: $(node_modules) ## measure the time of requests and starts, and write it into infra/docs; FORMER=commit compares with a former build instead
	$(call need,go,Go 1.26 or later)
	@go run ./infra/bench $(if $(FORMER),-former $(FORMER),-docs infra/docs)

cost: $(node_modules) ## measure the cost of each kind of request and of a month, and write it into infra/docs
	$(call need,go,Go 1.26 or later)
	@go run ./infra/cost -docs infra/docs

clean: ## remove all installed and built files, but keep the data
	rm -rf .tools .aws-sam infra/local/node_modules infra/browser/node_modules

# `sam build` calls this target with ARTIFACTS_DIR (BuildMethod: makefile). SAM's Go builder would link against the libc of this machine.
build-%:
	$(call need,go,Go 1.26 or later)
	@infra/tools/build-function.sh $* "$(ARTIFACTS_DIR)"

$(node_modules) $(browser_driver): infra/%/node_modules/.package-lock.json: infra/%/package-lock.json
	$(call need,node,Node.js 20 or later)
	$(call need,npm,npm; it comes with Node.js)
	@echo "installing the npm packages of infra/$*"
	@cd infra/$* && npm ci
	@touch $@

$(dynamodb_local): infra/tools/dynamodb-local.sh
	$(call need,node,Node.js 20 or later)
	$(call need,npm,npm; it comes with Node.js)
	@infra/tools/dynamodb-local.sh $@
	@touch $@

$(python_tools): infra/tools/requirements.txt
$(checkov): infra/tools/checkov.txt
$(python_tools) $(checkov):
	$(call need,python3,Python 3.10 or later)
	@echo "installing the Python packages of $<"
	@rm -rf $(@D) && python3 -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@
