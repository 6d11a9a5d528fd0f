# The two commands of a newcomer, and those of every day. All of them install what is missing of what they need (as root or with
# sudo, from the distribution's packages; for tests in Python also PyPI's, in ~/.cache/lmvr), then build in build/ with CMake and
# Ninja. CMakePresets.json has the other builds.
.PHONY: all setup setup-test setup-check configure tests demo model-blip2 model test check asan tsan fuzz format lint install clean
.NOTPARALLEL:

# The programs and the library: what is installed.
all: configure
	@$(build) --target lmvr_installed

build = cmake --build --preset release
# One more than there are processors: tests wait for disks, clocks and other programs almost half of their time.
jobs = $(shell n=$$(nproc); echo $$((n < 8 ? n + 1 : 8)))

setup:
	@./setup.sh
setup-test:
	@./setup.sh test
	@./tests/python/packages.sh
setup-check:
	@./setup.sh check

configure: setup
	@cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }

# The main job on the images that come with the project; drawing more of them takes four seconds more to build.
demo: configure
	@$(build) --target lmvr_cli lmvr_scenes_cli example_neighbors
	@./examples/demo.sh

# The model that ships, from nothing: four hours on two cores; what was interrupted goes on where it was.
recipe_tools = naming as_eva leaks pointing
model: all
	@$(build) --target $(recipe_tools)
	./models/recipe/train.sh build/model
	./models/recipe/evaluate.sh build/model build/model/lmvr-small

# The small BLIP-2 that ships, whose encoder is that of the other: an hour and three quarters.
model-blip2: all
	@$(build) --target $(recipe_tools)
	./models/recipe/train-blip2.sh build/blip2
	./models/recipe/evaluate-blip2.sh build/blip2 build/blip2/lmvr-blip2-small

# Everything, built and not run.
tests: setup-test configure
	@$(build)

# SKIPPED is a label of tests to leave out.
test: tests
	@ctest --test-dir build -j $(jobs) --output-on-failure --timeout 600 --no-tests=error $(if $(SKIPPED),-LE $(SKIPPED))

# What .ci/run does beyond the tests.
check: format lint asan fuzz

asan: setup-test
	cmake --preset asan
	cmake --build --preset asan
	LSAN_OPTIONS="suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0" ctest --test-dir build-asan -j $(jobs) --output-on-failure --timeout 1200

tsan: setup-test
	cmake --preset tsan
	cmake --build --preset tsan --target session_company_test session_feed_test train_feed_test
	TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan.supp" ctest --test-dir build-tsan -j $(jobs) --output-on-failure --timeout 1200 -L threads

fuzz: setup-check
	cmake --preset fuzz
	cmake --build --preset fuzz --target fuzz_targets
	./fuzz/run.sh build-fuzz $(or $(SECONDS),20)

SOURCES = $(shell git ls-files '*.c' '*.h' '*.cc' '*.cu')

format: setup-check
	clang-format --dry-run --Werror $(SOURCES)

lint: setup-check configure
	git ls-files 'src/*.c' 'train/*.c' 'lab/*.c' 'tools/*.c' 'cli/*.c' 'bench/*.c' | grep -v 'src/tensor/cpu/kernel_' \
		| grep -oFf - build/compile_commands.json | sort -u | xargs -P $$(nproc) -n 4 clang-tidy --quiet -p build

install: all
	cmake --install build

clean:
	rm -rf build build-* build.log
