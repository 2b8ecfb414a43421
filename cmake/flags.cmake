# SPDX-License-Identifier: Apache-2.0
# Flags of everything here: `fastenr_flags` for all code, with the sanitizers in `fastenr_checked`.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

add_library(fastenr_flags INTERFACE)
target_compile_definitions(fastenr_flags INTERFACE _GNU_SOURCE)
target_compile_options(fastenr_flags INTERFACE
    -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wwrite-strings -Wundef -fno-common -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL GNU)
    # Texts for people are cut to their buffer on purpose.
    target_compile_options(fastenr_flags INTERFACE -Wno-format-truncation)
else()
    # Clang counts members that an initialiser leaves to be zero on purpose; libseccomp's macros do.
    target_compile_options(fastenr_flags INTERFACE -Wno-missing-field-initializers)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
    target_compile_definitions(fastenr_flags INTERFACE _FORTIFY_SOURCE=2)
endif()

# A worker and a connector run under rlimits and seccomp, where no sanitizer runtime can work: they are
# built without one, and the same sources are linked into tests that have it.
add_library(fastenr_checked INTERFACE)
target_link_libraries(fastenr_checked INTERFACE fastenr_flags)
if(FASTENR_SANITIZE)
    # -O1: several times as fast as without, and stacks are still as written.
    target_compile_options(fastenr_checked INTERFACE -O1 -fsanitize=${FASTENR_SANITIZE}
        -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(fastenr_checked INTERFACE -fsanitize=${FASTENR_SANITIZE})
endif()
if(FASTENR_FUZZ)
    target_compile_options(fastenr_checked INTERFACE -fsanitize=fuzzer-no-link)
endif()
