# The two commands of a newcomer, and those of every day. All of them install what is missing first (as root or with sudo, from
# the distribution's packages), then build in build/ with CMake and Ninja. CMakePresets.json has the other builds.
.PHONY: all setup demo model-blip2 model test check asan tsan fuzz format lint install clean

all: setup
	@cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }
	@cmake --build --preset release

setup:
	@./setup.sh

# The main job on the images that come with the project.
demo: all
	@./examples/demo.sh

# The model that ships, from nothing: four hours on two cores; what was interrupted goes on where it was.
model: all
	./models/recipe/train.sh build/model
	./models/recipe/evaluate.sh build/model build/model/lmvr-small

# The small BLIP-2 that ships, whose encoder is that of the other: an hour and three quarters.
model-blip2: all
	./models/recipe/train-blip2.sh build/blip2
	./models/recipe/evaluate-blip2.sh build/blip2 build/blip2/lmvr-blip2-small

test: all
	@ctest --test-dir build --output-on-failure --timeout 600

# What .ci/run does beyond the tests.
check: format lint asan fuzz

asan: setup
	cmake --preset asan
	cmake --build --preset asan
	LSAN_OPTIONS="suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0" ctest --test-dir build-asan --output-on-failure --timeout 1200

tsan: setup
	cmake --preset tsan
	cmake --build --preset tsan
	TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan.supp" ctest --test-dir build-tsan --output-on-failure --timeout 1200 -L threads

fuzz: setup
	cmake --preset fuzz
	cmake --build --preset fuzz
	./fuzz/run.sh build-fuzz $(or $(SECONDS),20)

SOURCES = $(shell git ls-files '*.c' '*.h' '*.cc')

format: setup
	clang-format --dry-run --Werror $(SOURCES)

lint: all
	git ls-files 'src/*.c' 'train/*.c' 'lab/*.c' 'tools/*.c' 'cli/*.c' 'bench/*.c' | grep -v 'src/tensor/cpu/kernel_' | xargs -P 2 -n 4 clang-tidy --quiet -p build

install: all
	cmake --install build

clean:
	rm -rf build build-* build.log
