/* What PyTorch has no fast operation for when a Transformer says one piece at a time. See kernels.py.
 *
 * All matrices are of 32-bit floats, rows one after the other; a "step" is the distance of two rows in floats.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* e^x for x <= 0, to about 1e-7 of its value; a loop around it becomes vector instructions. */
static inline float exp_of_negative(float x) {
    x = x < -87.0f ? -87.0f : x;
    float n = rintf(x * 1.44269504088896341f);
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f; /* the rest of log 2 */
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    union { uint32_t bits; float value; } power = {((uint32_t)(int32_t)n + 127u) << 23};
    return p * power.value;
}

/* x becomes e^(x - its largest); returns the sum. */
static inline float exponentials(float *x, int64_t n) {
    float largest = -INFINITY, sum = 0.0f;
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        x[i] = exp_of_negative(x[i] - largest);
        sum += x[i];
    }
    return sum;
}

/* One query: softmax(q K^T) V for each head. keys[j] is key j, its value lies value_offset floats behind it. */
static inline __attribute__((always_inline)) void attend_one(
    const float *q, const float *const *keys, int64_t value_offset, int64_t n_keys, int64_t n_heads, int64_t width,
    float *scores, float *out) {
    for (int64_t j = 0; j < n_keys; j++) {
        const float *k = keys[j];
        for (int64_t h = 0; h < n_heads; h++) {
            float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < width; i++) sum += q[h * width + i] * k[h * width + i];
            scores[h * n_keys + j] = sum;
        }
    }
    for (int64_t h = 0; h < n_heads; h++) {
        float *weights = scores + h * n_keys, *y = out + h * width;
        float share = 1.0f / exponentials(weights, n_keys);
        for (int64_t i = 0; i < width; i++) y[i] = 0.0f;
        for (int64_t j = 0; j < n_keys; j++) {
            const float *v = keys[j] + value_offset + h * width;
            float weight = weights[j] * share;
#pragma omp simd
            for (int64_t i = 0; i < width; i++) y[i] += weight * v[i];
        }
    }
}

/* The same, with the usual widths known to the compiler. */
static void attend_row(
    const float *q, const float *const *keys, int64_t value_offset, int64_t n_keys, int64_t n_heads, int64_t width,
    float *scores, float *out) {
    switch (width) {
        case 32: attend_one(q, keys, value_offset, n_keys, n_heads, 32, scores, out); break;
        case 64: attend_one(q, keys, value_offset, n_keys, n_heads, 64, scores, out); break;
        default: attend_one(q, keys, value_offset, n_keys, n_heads, width, scores, out);
    }
}

/* Room for the keys and the scores of one query. */
static int make_room(int64_t n_keys, int64_t n_heads, const float ***keys, float **scores) {
    *keys = malloc((size_t)n_keys * sizeof(float *));
    *scores = malloc((size_t)(n_keys * n_heads) * sizeof(float));
    return *keys && *scores;
}

/* Attention of each sentence's queries to its keys. spans has, for each sentence, its first query row, the row after
 * its last, its first key row, the row after its last. Returns 0, or 1 without memory. */
int s2s_attend(
    const float *q, int64_t q_step, const float *k, int64_t k_step, int64_t value_offset, const int64_t *spans,
    int64_t n_sentences, int64_t n_heads, int64_t width, float *out) {
    int64_t most = 1;
    for (int64_t b = 0; b < n_sentences; b++) {
        int64_t n_keys = spans[4 * b + 3] - spans[4 * b + 2];
        most = n_keys > most ? n_keys : most;
    }
    const float **keys;
    float *scores;
    int able = make_room(most, n_heads, &keys, &scores);
    for (int64_t b = 0; able && b < n_sentences; b++) {
        const int64_t *span = spans + 4 * b;
        int64_t n_keys = span[3] - span[2];
        for (int64_t j = 0; j < n_keys; j++) keys[j] = k + (span[2] + j) * k_step;
        for (int64_t row = span[0]; row < span[1]; row++)
            attend_row(q + row * q_step, keys, value_offset, n_keys, n_heads, width, scores, out + row * n_heads * width);
    }
    free(keys);
    free(scores);
    return !able;
}

/* Attention of hypotheses to what they have said. steps[t] is the matrix of step t, whose rows are query, key, value;
 * row n of the last step is the query. writers has, for each row, by which row each step of its past was written. */
int s2s_attend_past(
    const float *const *steps, const int32_t *writers, int64_t n_rows, int64_t n_steps, int64_t n_heads, int64_t width,
    float *out) {
    int64_t d = n_heads * width;
    const float **keys;
    float *scores;
    int able = make_room(n_steps, n_heads, &keys, &scores);
    for (int64_t n = 0; able && n < n_rows; n++) {
        for (int64_t t = 0; t < n_steps; t++) keys[t] = steps[t] + (int64_t)writers[n * n_steps + t] * 3 * d + d;
        attend_row(steps[n_steps - 1] + n * 3 * d, keys, d, n_steps, n_heads, width, scores, out + n * d);
    }
    free(keys);
    free(scores);
    return !able;
}

/* log of the sum of e^x of each row. */
void s2s_log_sum_exp(const float *x, int64_t n_rows, int64_t n_columns, float *out) {
    for (int64_t n = 0; n < n_rows; n++) {
        const float *row = x + n * n_columns;
        float largest = -INFINITY, sum = 0.0f;
#pragma omp simd reduction(max : largest)
        for (int64_t i = 0; i < n_columns; i++) largest = row[i] > largest ? row[i] : largest;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n_columns; i++) sum += exp_of_negative(row[i] - largest);
        out[n] = largest + logf(sum);
    }
}

/* The largest number of each row and where it first stands; a row of NaN alone has NaN, at its start. */
void s2s_largest(const float *x, int64_t n_rows, int64_t n_columns, float *values, int64_t *places) {
    for (int64_t n = 0; n < n_rows; n++) {
        const float *row = x + n * n_columns;
        float largest = -INFINITY;
        int64_t place = 0;
#pragma omp simd reduction(max : largest)
        for (int64_t i = 0; i < n_columns; i++) largest = row[i] > largest ? row[i] : largest;
        while (place < n_columns && row[place] != largest) place++;
        places[n] = place < n_columns ? place : 0;
        values[n] = row[places[n]];
    }
}

/* Rows in 8 bits, 128 for 0; scales[n] x (rounded - 128) is the row again, nearly. */
void s2s_quantise(const float *x, int64_t n_rows, int64_t n_columns, uint8_t *rounded, float *scales) {
    for (int64_t n = 0; n < n_rows; n++) {
        const float *row = x + n * n_columns;
        float largest = 0.0f;
#pragma omp simd reduction(max : largest)
        for (int64_t i = 0; i < n_columns; i++) largest = fabsf(row[i]) > largest ? fabsf(row[i]) : largest;
        float scale = largest / 127.0f;
        scale = scale > 1e-12f ? scale : 1e-12f;
        float inverse = 1.0f / scale;
#pragma omp simd
        for (int64_t i = 0; i < n_columns; i++) {
            int32_t whole = (int32_t)(row[i] * inverse + 128.5f); /* positive, so this rounds */
            rounded[n * n_columns + i] = (uint8_t)whole;
        }
        scales[n] = scale;
    }
}

/* y = scales[n] y + bias, and then max(0, y) if relu; in place. */
void s2s_rescale(
    float *y, int64_t n_rows, int64_t n_columns, const float *scales, const float *bias, int32_t relu) {
    float least = relu ? 0.0f : -INFINITY;
    for (int64_t n = 0; n < n_rows; n++) {
        float *row = y + n * n_columns, scale = scales[n];
#pragma omp simd
        for (int64_t i = 0; i < n_columns; i++) {
            float value = row[i] * scale + bias[i];
            row[i] = value < least ? least : value;
        }
    }
}
