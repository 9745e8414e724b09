#pragma once

// The instructions of processors for digests, which Swift cannot say.

#include <stddef.h>
#include <stdint.h>

// Takes whole blocks of 64 bytes into the eight words of a SHA-256 state, with the standard's 64 constants.
// Returns 0, and does nothing, where the processor has no instructions for it.
int digest_sha256(
    uint32_t *state, const uint32_t *constants, const void *blocks, size_t blockCount);
