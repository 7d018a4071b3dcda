# SPDX-License-Identifier: Apache-2.0
# make                build/p2posd and build/p2posctl
# make check          unit tests and simulator        make check-asan   the same under ASan+UBSan
# make check-e2e      clusters of real processes      make fuzz-smoke   every fuzz target for a moment
# make lint           the arrows of the tree          make bench        figures, as ratios of one run
#
# BUILD=dir keeps the output of differently configured builds apart. ONLY="proto/base proto/yamux"
# restricts library and unit tests to those folders, to work on one of them.

BUILD   ?= build
ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr
DESTDIR ?=
# V=1 shows the commands.
Q       := $(if $(V),,@)
VERSION := $(shell cat VERSION)
# Of a checkout git knows it; what `git archive` made has it in the file.
REVISION := $(shell grep -v Format packaging/REVISION || git rev-parse --short HEAD 2>/dev/null || echo unknown)

PKGS        := libuv libsodium sqlite3 libcares jansson gnutls libngtcp2 libngtcp2_crypto_gnutls
# The last three come with proto/conn, by which p2posctl publishes straight to a node.
CLI_PKGS    := libsodium jansson smartcols gnutls libngtcp2 libngtcp2_crypto_gnutls

# An older ngtcp2 can be aborted by any peer (rule R-40).
NGTCP2_MIN := 1.11
ifneq ($(filter-out clean format,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --atleast-version=$(NGTCP2_MIN) libngtcp2 libngtcp2_crypto_gnutls 2>/dev/null && echo yes),yes)
$(error ngtcp2 $(or $(shell pkg-config --modversion libngtcp2 2>/dev/null),none) found, >= $(NGTCP2_MIN) with \
its GnuTLS helper needed; Debian 12: apt install -t bookworm-backports libngtcp2-dev libngtcp2-crypto-gnutls-dev)
endif
endif

WARN     := -Wall -Wextra -Wshadow -Werror -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPT      ?= -O2 -g
SAN      ?=
ifneq ($(SAN),)
HARDEN   := -fPIE
endif
CFLAGS_  := -std=gnu11 $(OPT) $(WARN) $(HARDEN) $(SAN) -I. -I$(BUILD)/gen \
            -D_GNU_SOURCE -DP2POS_VERSION='"$(VERSION)"' $(shell pkg-config --cflags $(PKGS) $(CLI_PKGS)) $(CFLAGS)
LDFLAGS_ := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--gc-sections $(SAN) $(LDFLAGS)
CFLAGS_  += -ffunction-sections -fdata-sections

DAEMON_LIBS := $(shell pkg-config --libs $(PKGS)) -lpthread -lm
CLI_LIBS    := $(shell pkg-config --libs $(CLI_PKGS)) -lm

ifdef ONLY
LIB_DIRS := $(ONLY)
else
LIB_DIRS := $(shell find proto config daemon cli -type d 2>/dev/null)
endif
dir_src = $(foreach d,$(1),$(wildcard $(d)/*.c))

PROTO_DIRS  := $(filter proto/%,$(LIB_DIRS))
PROTO_SRC   := $(call dir_src,$(PROTO_DIRS))
CONFIG_SRC  := $(call dir_src,$(filter config,$(LIB_DIRS)))
DAEMON_SRC  := $(filter-out daemon/main.c,$(call dir_src,$(filter daemon daemon/%,$(LIB_DIRS))))
CLI_SRC     := $(filter-out %/main.c,$(call dir_src,$(filter cli cli/%,$(LIB_DIRS))))
ifdef ONLY
TEST_SRC    := $(foreach d,$(ONLY),$(wildcard tests/unit/$(d)/test_*.c))
else
TEST_SRC    := $(shell find tests/unit -name 'test_*.c' 2>/dev/null)
endif
TESTLIB_SRC := $(wildcard tests/lib/*.c)
SIM_SRC     := $(wildcard tests/sim/*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
TEST_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(TEST_SRC))
SIM_BIN  := $(patsubst tests/sim/%.c,$(BUILD)/sim/%,$(SIM_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

.PHONY: all check check-unit check-sim check-asan check-e2e fuzz-smoke lint format bench measure \
        install clean
all: $(BUILD)/p2posd $(BUILD)/p2posctl $(BUILD)/p2pos-state

# The one thing that changes with each commit is compiled where it is shown.
$(BUILD)/gen/daemon/sys/revision.h: FORCE
	@mkdir -p $(@D)
	@echo '#define P2POS_REVISION "$(REVISION)"' | cmp -s - $@ || echo '#define P2POS_REVISION "$(REVISION)"' >$@
$(call obj,daemon/sys/metrics.c daemon/sys/metrics_process.c): $(BUILD)/gen/daemon/sys/revision.h

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_) -MMD -MP -c -o $@ $<

$(BUILD)/libproto.a: $(call obj,$(PROTO_SRC))
$(BUILD)/libconfig.a: $(call obj,$(CONFIG_SRC))
$(BUILD)/libdaemon.a: $(call obj,$(DAEMON_SRC))
$(BUILD)/libcli.a: $(call obj,$(CLI_SRC))
$(BUILD)/libtest.a: $(call obj,$(TESTLIB_SRC))
$(BUILD)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

ARCHIVES := $(BUILD)/libdaemon.a $(BUILD)/libcli.a $(BUILD)/libconfig.a $(BUILD)/libproto.a

$(BUILD)/p2posd: $(BUILD)/obj/daemon/main.o $(BUILD)/libdaemon.a $(BUILD)/libconfig.a $(BUILD)/libproto.a
	$(Q)$(CC) $(LDFLAGS_) -o $@ $^ $(DAEMON_LIBS)
$(BUILD)/p2posctl: $(BUILD)/obj/cli/main.o $(BUILD)/libcli.a $(BUILD)/libconfig.a $(BUILD)/libproto.a
	$(Q)$(CC) $(LDFLAGS_) -o $@ $^ $(CLI_LIBS)

$(BUILD)/p2pos-state: $(BUILD)/obj/cli/state/main.o $(BUILD)/libcli.a $(BUILD)/libproto.a
	$(Q)$(CC) $(LDFLAGS_) -o $@ $^ $(CLI_LIBS)

# A test program sees everything; the linker takes what it calls.
TEST_LIBS := $(DAEMON_LIBS) $(CLI_LIBS) -lcmocka
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libtest.a $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_) -o $@ $< -Wl,--start-group $(BUILD)/libtest.a $(ARCHIVES) -Wl,--end-group $(TEST_LIBS)
$(BUILD)/sim/%: $(BUILD)/obj/tests/sim/%.o $(BUILD)/libtest.a $(BUILD)/libproto.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_) -o $@ $< -Wl,--start-group $(BUILD)/libtest.a $(BUILD)/libproto.a -Wl,--end-group $(TEST_LIBS)

check: check-unit check-sim
check-unit: $(TEST_BIN)
	@tests/lib/run-programs "$(BUILD)/tests" $(TEST_BIN)
check-sim: $(SIM_BIN)
	@tests/lib/run-programs "$(BUILD)/sim" $(SIM_BIN)
check-asan:
	$(MAKE) BUILD=$(BUILD)/asan OPT="-O1 -g" SAN="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" check

# The whole program under the sanitizers; for clusters of real processes.
asan-programs:
	$(MAKE) BUILD=$(BUILD)/asan OPT="-O1 -g" SAN="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" all
.PHONY: asan-programs

# Preloaded into nodes by tests/e2e/test_durability.py; never under the sanitizers.
$(BUILD)/libfault.so: tests/e2e/fault.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -fPIC -shared -o $@ $<

check-e2e: all $(BUILD)/libfault.so
	P2POS_BUILD=$(abspath $(BUILD)) python3 tests/e2e/run.py

# libFuzzer comes with clang; objects are built apart because they carry its instrumentation.
FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
fuzz:
	$(MAKE) BUILD=$(BUILD)/fuzzing CC=clang OPT="-O1 -g" SAN="$(FUZZ_FLAGS)" fuzz-programs
fuzz-programs: $(FUZZ_BIN)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libconfig.a $(BUILD)/libproto.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_) -fsanitize=fuzzer -o $@ $^ $(DAEMON_LIBS)
.PHONY: fuzz fuzz-programs
fuzz-smoke: fuzz
	tests/fuzz/smoke $(BUILD)/fuzzing/fuzz

lint: $(BUILD)/p2posctl
	tests/lint/arrows.sh
	tests/lint/headers.sh $(CC)
	tests/lint/words.sh
	tests/lint/docs.sh $(BUILD)/p2posctl

# Costs of the pure code as ratios of one run, and p2posd beside go- and rust-libp2p, some four minutes; what
# whole nodes take, of real processes.
BENCH_SRC := $(wildcard tests/bench/*.c)
$(BUILD)/bench: $(call obj,$(BENCH_SRC)) $(BUILD)/libtest.a $(ARCHIVES)
	$(Q)$(CC) $(LDFLAGS_) -o $@ $(call obj,$(BENCH_SRC)) -Wl,--start-group $(BUILD)/libtest.a $(ARCHIVES) \
		-Wl,--end-group $(TEST_LIBS)
bench: $(BUILD)/bench all
	@$(BUILD)/bench
	@tests/interop/run --bench || echo "bench: goes on with the peers that are there"
	@P2POS_BUILD=$(abspath $(BUILD)) python3 tests/bench/peers.py
measure: all
	@P2POS_BUILD=$(abspath $(BUILD)) python3 tests/bench/measure.py

format:
	clang-format -i $(shell find proto config daemon cli tests -name '*.[ch]')

# Where things go; packaging/ has templates that name these.
BINDIR     = $(PREFIX)/bin
LIBEXECDIR = $(PREFIX)/libexec/p2pos
UNITDIR    = $(PREFIX)/lib/systemd/system
DOCDIR     = $(PREFIX)/share/doc/p2pos
UNITS      := $(notdir $(basename $(wildcard packaging/systemd/*.in)))

# The units with the paths of this installation filled in; also for the test that looks at them.
units: $(addprefix $(BUILD)/units/,$(UNITS))
$(BUILD)/units/%: packaging/systemd/%.in FORCE
	@mkdir -p $(@D)
	$(Q)sed 's|@bindir@|$(BINDIR)|g; s|@libexecdir@|$(LIBEXECDIR)|g; s|@docdir@|$(DOCDIR)|g' $< >$@
FORCE:
.PHONY: units FORCE

# STRIP= keeps the symbols, for packages that split them off.
STRIP ?= -s
install: all units
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBEXECDIR) $(UNITDIR) $(DOCDIR) \
		$(addprefix $(PREFIX)/lib/,sysusers.d tmpfiles.d sysctl.d))
	install $(STRIP) -m 0755 $(BUILD)/p2posd $(BUILD)/p2posctl $(DESTDIR)$(BINDIR)
	install $(STRIP) -m 0755 $(BUILD)/p2pos-state $(DESTDIR)$(LIBEXECDIR)
	install -m 0644 $(addprefix $(BUILD)/units/,$(UNITS)) $(DESTDIR)$(UNITDIR)
	install -m 0644 packaging/sysusers.d/p2pos.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 0644 packaging/tmpfiles.d/p2pos.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 0644 packaging/sysctl.d/60-p2pos.conf $(DESTDIR)$(PREFIX)/lib/sysctl.d
	install -m 0644 README.md LICENSE CHANGELOG.md docs/state-units.md config/config.example.json \
		$(DESTDIR)$(DOCDIR)
	@$(MAKE) --no-print-directory install-reading

# What the tables of p2posctl print: completions, the schema, the manual pages where scdoc is; and what
# a Prometheus and a Grafana take as it is.
SHAREDIR = $(DESTDIR)$(PREFIX)/share
install-reading: $(BUILD)/p2posctl
	install -d $(addprefix $(SHAREDIR)/,bash-completion/completions zsh/vendor-completions \
		fish/vendor_completions.d p2pos doc/p2pos/grafana)
	$(BUILD)/p2posctl completion bash >$(SHAREDIR)/bash-completion/completions/p2posctl
	$(BUILD)/p2posctl completion zsh >$(SHAREDIR)/zsh/vendor-completions/_p2posctl
	$(BUILD)/p2posctl completion fish >$(SHAREDIR)/fish/vendor_completions.d/p2posctl.fish
	$(BUILD)/p2posctl config schema >$(SHAREDIR)/p2pos/config.schema.json
	install -m 0644 packaging/grafana/grafana-dashboard.json packaging/grafana/alerts.yml \
		$(SHAREDIR)/doc/p2pos/grafana
	@if command -v scdoc >/dev/null; then $(MAKE) --no-print-directory install-man; \
		else echo "no scdoc: the manual pages are left out"; fi
install-man: man
	install -d $(addprefix $(SHAREDIR)/man/,man5 man7 man8)
	for n in 5 7 8; do install -m 0644 $(BUILD)/man/*.$$n $(SHAREDIR)/man/man$$n; done
man: $(BUILD)/p2posctl
	packaging/man/build.sh $(BUILD)/p2posctl $(BUILD)/man
.PHONY: install-reading install-man man

# What is committed, as one file that needs no git to be built.
DIST := p2pos-$(VERSION)
dist: $(BUILD)/$(DIST).tar.xz
$(BUILD)/$(DIST).tar.xz: FORCE
	@mkdir -p $(@D)
	$(Q)git archive --format=tar --prefix=$(DIST)/ HEAD | xz -T0 >$@.new && mv $@.new $@
	@echo $@

# Debian packages of what is committed, with debhelper. DEB_BUILD_OPTIONS= runs the unit tests, too.
DEB_BUILD_OPTIONS ?= nocheck
deb: dist
	@DEB_BUILD_OPTIONS="$(DEB_BUILD_OPTIONS)" packaging/build-deb.sh $(BUILD)/$(DIST).tar.xz $(BUILD)/deb
.PHONY: dist deb

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.SECONDARY:
