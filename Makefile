# Tunny: a TCP/IP stack in user space.  `make help` lists what can be made.
#
# Everything that is built lies under build/: build/release for use, build/check (AddressSanitizer and
# UndefinedBehaviorSanitizer) for tests.

VERSION   := 0.1.0
SOVERSION := 0
PREFIX    ?= /usr/local
DESTDIR   ?=
CC        ?= gcc
MODE      ?= release
B         := build/$(MODE)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wswitch-enum -Wstrict-prototypes \
            -Wmissing-prototypes -Wundef -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2
CFLAGS_release := -O2 -g
CFLAGS_check   := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_check  := -fsanitize=address,undefined
ALL_CFLAGS := -std=gnu11 $(WARNINGS) $(if $(WERROR),-Werror) -Istack -fPIC -fvisibility=hidden $(CFLAGS_$(MODE)) $(CFLAGS)
LINK       := $(CC) $(LDFLAGS_$(MODE)) $(LDFLAGS)

STACK_SRC := $(sort $(wildcard stack/*.c stack/*/*.c))
REMOTE_SRC := $(sort $(wildcard apps/remote/*.c))
APPS_SRC  := $(sort $(filter-out apps/examples/% apps/remote/%,$(wildcard apps/*.c apps/*/*.c)))
EXAMPLES  := $(sort $(wildcard apps/examples/*.c))
TESTS_SRC := $(sort $(wildcard tests/unit/*/*_test.c tests/unit/apps/*/*_test.c tests/steps/*_test.c tests/sim/*_test.c))
SWARM_SRC := $(sort $(wildcard tests/sim/swarm/*.c))
SWARM_BIN := $B/tests/sim/swarm/swarm
INTEROP_BIN := $B/tests/interop/peer $B/tests/interop/joined
EXACT_SRC := $(sort $(wildcard tests/exact/*.c))
FUZZ_SRC  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_BIN := $(addprefix $B/tests/bench/,bulk core floor forward kernel turn)
SUPPORT   := $(sort $(wildcard tests/support/*.c))

# packetdrill's shared-object mode; it shares the drill's reader of packets.
SO_SRC    := $(sort $(wildcard apps/drill/so/*.c)) apps/drill/packet_read.c apps/drill/packet_text.c apps/drill/icmp_names.c

# The library: the stack, and joining one that another process holds.
LIB_OBJ   := $(STACK_SRC:%.c=$B/%.o) $(REMOTE_SRC:%.c=$B/%.o)
SO_OBJ    := $(SO_SRC:%.c=$B/%.o)
APPS_OBJ  := $(APPS_SRC:%.c=$B/%.o)
APP_LIB_OBJ := $(filter-out $B/apps/tunny.o,$(APPS_OBJ))
TESTS_BIN := $(TESTS_SRC:tests/%.c=$B/tests/%)
FUZZ_BIN  := $(FUZZ_SRC:tests/fuzz/%.c=$B/fuzz/%)
SUPPORT_OBJ := $(SUPPORT:%.c=$B/%.o)

.PHONY: netem-exact all cross help lib examples tests fuzz demo test sim planted check tidy conformance format lint install uninstall clean bench bench-quick bench-link
.DEFAULT_GOAL := all
.SECONDARY:

# make V=1 shows the commands.
Q := $(if $(V),,@)

all: $B/tunny lib $B/libtunny-packetdrill.so examples  ## the program, the libraries, the examples
	@ln -sfn $(MODE)/tunny build/tunny

cross:  ## build/aarch64/tunny, for arm64 (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
	@$(MAKE) B=build/aarch64 CC=aarch64-linux-gnu-gcc build/aarch64/tunny

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/'

# --- building ---------------------------------------------------------------------------------------

$B/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC   $<')
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Its one loop is made for the compiler to turn into vectors, which gcc does from -O3 on.
build/release/stack/wire/checksum.o: ALL_CFLAGS += -O3

$B/apps/%.o: ALL_CFLAGS += -Iapps
$B/tests/%.o: ALL_CFLAGS += -Iapps -Itests

lib: $B/libtunny.a $B/libtunny.so.$(SOVERSION)  ## libtunny.a and libtunny.so

$B/libtunny.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$B/libtunny.so.$(SOVERSION): $(LIB_OBJ)
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -shared -Wl,-soname,libtunny.so.$(SOVERSION) -Wl,-z,defs -o $@ $^
	@ln -sfn libtunny.so.$(SOVERSION) $B/libtunny.so

$B/tunny: $(APPS_OBJ) $B/libtunny.a
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -o $@ $^ -lm

# The one symbol that it exports is packetdrill_interface_init.
$B/libtunny-packetdrill.so: $(SO_OBJ) $B/libtunny.a
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -shared -pthread -Wl,--exclude-libs,ALL -Wl,-z,defs -o $@ $^

examples: $(EXAMPLES:apps/examples/%.c=$B/examples/%)  ## the small programs of apps/examples

$B/examples/%: $B/apps/examples/%.o $B/libtunny.a
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -o $@ $^

tests: $(TESTS_BIN) $(INTEROP_BIN) $(SWARM_BIN) $B/libtunny-packetdrill.so  ## all test programs (MODE=check for sanitizers)

$B/tests/%: $B/tests/%.o $(SUPPORT_OBJ) $(APP_LIB_OBJ) $B/libtunny.a
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -o $@ $< $(SUPPORT_OBJ) $(APP_LIB_OBJ) $B/libtunny.a -lcmocka -lm

$(INTEROP_BIN): %: %.o $B/libtunny.a
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -o $@ $^

$B/tests/exact/netem_exact: $(EXACT_SRC:%.c=$B/%.o) $(SUPPORT_OBJ) $(APP_LIB_OBJ) $B/libtunny.a
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -o $@ $(EXACT_SRC:%.c=$B/%.o) $(SUPPORT_OBJ) $(APP_LIB_OBJ) $B/libtunny.a -lcmocka -lm

$(SWARM_BIN): $(SWARM_SRC:%.c=$B/%.o) $B/libtunny.a
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -o $@ $^

fuzz: $(FUZZ_BIN)  ## fuzz targets that replay corpora (FUZZ=1 CC=clang: libFuzzer)

$B/fuzz/%: $B/tests/fuzz/%.o $(if $(FUZZ),,$B/tests/fuzz/replay_main.o) $(APP_LIB_OBJ) $B/libtunny.a
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) $(if $(FUZZ),-fsanitize=fuzzer) -o $@ $^ -lm

# --- using -------------------------------------------------------------------------------------------

demo:  ## the main job: files over TUN, through faults, verified
	@scripts/demo

test:  ## everything that can be tested here
	@scripts/test

netem-exact:  ## our netem engine against a kernel's, packet by packet (builds that kernel once)
	@scripts/netem-exact $(SEED)

SEEDS ?= 300
FROM ?= 1
JOBS ?= $(shell nproc)
sim: $(SWARM_BIN)  ## random worlds, watched at every step: SEEDS=N [FROM=K] [JOBS=J] [MODE=check]
	@$(SWARM_BIN) --from $(FROM) --seeds $(SEEDS) --jobs $(JOBS)

planted:  ## bugs planted into a copy of the stack: the swarm finds each, and shrinks its world to a few lines
	@tests/sim/planted/run

bench: $B/tunny $(BENCH_BIN) $B/tests/interop/joined  ## docs/benchmarks.md: ratios against the floor and the kernel (root, an idle machine, 15 minutes)
	@B=$B tests/bench/bench.py --write

bench-quick: $B/tunny $(BENCH_BIN) $B/tests/interop/joined  ## a look at the same, written nowhere (root, 2 minutes)
	@B=$B tests/bench/bench.py --quick

bench-link: $B/tunny $B/tests/bench/forward  ## tunny link against a bare TUN-to-TUN forwarder
	@BUILD=$B scripts/lab --quiet python3 tests/bench/link.py $B

$B/tests/bench/%: $B/tests/bench/%.o $B/tests/bench/bench.o $B/tests/bench/peer.o $B/libtunny.a
	$(if $(V),,@echo '  LINK $@')
	$(Q)$(LINK) -o $@ $^

tidy:  ## the design's machine-checkable rules
	@scripts/tidy

conformance:  ## docs/conformance.md: what the RFCs ask for, and which test shows it
	@scripts/conformance

format:  ## clang-format over all sources
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint:  ## clang-tidy, cppcheck, gcc -fanalyzer
	@scripts/lint

install: all  ## into PREFIX (default /usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/tunny $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $B/tunny $(DESTDIR)$(PREFIX)/bin/tunny
	install -m 644 $B/libtunny.a $(DESTDIR)$(PREFIX)/lib/libtunny.a
	install -m 755 $B/libtunny.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/libtunny.so.$(VERSION)
	ln -sfn libtunny.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libtunny.so.$(SOVERSION)
	ln -sfn libtunny.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/libtunny.so
	install -m 644 stack/tunny.h stack/socket.h apps/remote/remote.h $(DESTDIR)$(PREFIX)/include/tunny/
	install -m 644 $(wildcard man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1/
	printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include/tunny\n\nName: tunny\nDescription: TCP/IP in user space over a TUN device\nVersion: %s\nLibs: -L$${libdir} -ltunny\nCflags: -I$${includedir}\n' '$(PREFIX)' '$(VERSION)' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/tunny.pc

uninstall:  ## take it away again
	rm -f $(DESTDIR)$(PREFIX)/bin/tunny $(DESTDIR)$(PREFIX)/lib/libtunny.* $(DESTDIR)$(PREFIX)/lib/pkgconfig/tunny.pc
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,$(notdir $(wildcard man/*.1)))
	rm -rf $(DESTDIR)$(PREFIX)/include/tunny

clean:  ## remove build/
	rm -rf build

-include $(shell find $B -name '*.d' 2>/dev/null)
