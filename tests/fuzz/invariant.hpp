#pragma once

#include <cstdio>
#include <cstdlib>

/// What a fuzzer finds false ends it, so that libFuzzer keeps the input. Not `assert`: that is gone in some builds.
#define INVARIANT(condition)                                                                                           \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                   \
      std::abort();                                                                                                    \
    }                                                                                                                  \
  } while (false)
