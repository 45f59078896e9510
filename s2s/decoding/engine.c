/* A Transformer as search runs it on a processor, in 32-bit floats or 8-bit products. See compiled.py.
 *
 * Matrices are of floats, rows one after the other; a "step" is the distance of two rows in floats. Every row is computed
 * by itself in a fixed order, so that what a sentence becomes does not depend on which others are beside it.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __AVX512VNNI__
#include <immintrin.h>
#endif

/* A tile of a product is ROWS x PANEL sums, which fit into the registers of the processor. */
#if defined(__AVX512F__)
#define LANES 16
#define PANEL 64
#elif defined(__AVX__)
#define LANES 8
#define PANEL 16
#else
#define LANES 4
#define PANEL 16
#endif
#define VECTORS (PANEL / LANES)
#define ROWS 6
#define CHUNK 288 /* rows at a time, so that what is between two passes stays in the cache; a multiple of ROWS */
#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(LANES * 4), aligned(4)));

/* x W^T + bias. In floats, `weights` has W in panels of PANEL outputs: for each input, its weights to them. In 8 bits,
 * `weights8` has four inputs of each output beside each other, `scales` what an output is multiplied with, `offsets` what
 * is to be taken from its sum because the inputs have 128 for 0. Outputs are filled up to a multiple of PANEL. */
typedef struct {
    const float *weights;
    const int8_t *weights8;
    const float *scales;
    const int32_t *offsets;
    const float *bias;
    int64_t n_in, n_out;
} Map;

typedef struct {
    const float *weight, *bias; /* none: no norm */
} Norm;

typedef struct {
    Map queries_keys_values, attention_output, source_queries, source_output, inner, outer;
    Norm norms[3];
} Layer;

typedef struct {
    const Layer *layers;
    Norm last;
    int64_t n_layers, d_model, n_heads, d_ff;
    float epsilon;
    int32_t pre; /* norms before sublayers, else after */
} Stack;

int64_t s2s_panel(void) { return PANEL; }

int s2s_has_8_bits(void) {
#ifdef __AVX512VNNI__
    return 1;
#else
    return 0;
#endif
}

/* --- sums of products ------------------------------------------------------------------------------------------- */

/* What becomes of a row's sums of a panel: written or added to y, the first n of them. */
INLINE void store(const float *sums, float *y, int64_t n, int relu, int add) {
    for (int64_t i = 0; i < n; i++) {
        float value = relu && sums[i] < 0.0f ? 0.0f : sums[i];
        y[i] = add ? y[i] + value : value;
    }
}

INLINE void tile(const Map *map, int64_t panel, const float *x, int64_t x_step, int rows, float *y, int64_t y_step,
                 int relu, int add) {
    Vector sums[ROWS][VECTORS];
    const float *w = map->weights + panel * PANEL * map->n_in, *bias = map->bias + panel * PANEL;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) sums[r][v] = *(const Vector *)(bias + v * LANES);
    for (int64_t i = 0; i < map->n_in; i++, w += PANEL) {
        Vector weights[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) weights[v] = *(const Vector *)(w + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            float one = x[r * x_step + i];
#pragma GCC unroll 8
            for (int v = 0; v < VECTORS; v++) sums[r][v] += one * weights[v];
        }
    }
    int64_t left = map->n_out - panel * PANEL, n = left < PANEL ? left : PANEL;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        float row[PANEL];
        memcpy(row, sums[r], sizeof row);
        if (n == PANEL) store(row, y + r * y_step + panel * PANEL, PANEL, relu, add);
        else store(row, y + r * y_step + panel * PANEL, n, relu, add);
    }
}

static void tiles(const Map *map, const float *x, int64_t x_step, int64_t n_rows, float *y, int64_t y_step, int relu,
                  int add) {
    int64_t n_panels = (map->n_out + PANEL - 1) / PANEL;
    for (int64_t panel = 0; panel < n_panels; panel++)
        for (int64_t row = 0; row < n_rows; row += ROWS) {
            const float *from = x + row * x_step;
            float *to = y + row * y_step;
            switch (n_rows - row) {
                case 1: tile(map, panel, from, x_step, 1, to, y_step, relu, add); break;
                case 2: tile(map, panel, from, x_step, 2, to, y_step, relu, add); break;
                case 3: tile(map, panel, from, x_step, 3, to, y_step, relu, add); break;
                case 4: tile(map, panel, from, x_step, 4, to, y_step, relu, add); break;
                case 5: tile(map, panel, from, x_step, 5, to, y_step, relu, add); break;
                default: tile(map, panel, from, x_step, ROWS, to, y_step, relu, add);
            }
        }
}

#ifdef __AVX512VNNI__
/* A row in 8 bits, 128 for 0; the result x (rounded - 128) is the row again, nearly. It is no number if one of x is not
 * finite. */
static float quantise(const float *x, int64_t n, uint8_t *rounded) {
    float largest = 0.0f, nothing = 0.0f;
#pragma omp simd reduction(max : largest) reduction(+ : nothing)
    for (int64_t i = 0; i < n; i++) {
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
        nothing += x[i] * 0.0f;
    }
    float scale = largest > 1e-10f ? largest / 127.0f : 1e-12f, inverse = 1.0f / scale;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) rounded[i] = (uint8_t)(int32_t)(x[i] * inverse + 128.5f); /* positive: it rounds */
    return scale + nothing;
}

INLINE void tile8(const Map *map, int64_t panel, const uint8_t *x, int64_t n_fours, const float *scales, int rows,
                  float *y, int64_t y_step, int relu, int add) {
    __m512i sums[ROWS][VECTORS];
    const int8_t *w = map->weights8 + panel * PANEL * n_fours * 4;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_setzero_si512();
    for (int64_t i = 0; i < n_fours; i++, w += PANEL * 4) {
        __m512i weights[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) weights[v] = _mm512_loadu_si512(w + v * 64);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + (r * n_fours + i) * 4, 4);
            __m512i fours = _mm512_set1_epi32(four);
#pragma GCC unroll 8
            for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], fours, weights[v]);
        }
    }
    int64_t first = panel * PANEL, left = map->n_out - first, n = left < PANEL ? left : PANEL;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        float row[PANEL];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) {
            int64_t at = first + v * LANES;
            __m512 sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums[r][v], _mm512_loadu_si512(map->offsets + at)));
            __m512 scale = _mm512_mul_ps(_mm512_loadu_ps(map->scales + at), _mm512_set1_ps(scales[r]));
            _mm512_storeu_ps(row + v * LANES, _mm512_fmadd_ps(sum, scale, _mm512_loadu_ps(map->bias + at)));
        }
        if (n == PANEL) store(row, y + r * y_step + first, PANEL, relu, add);
        else store(row, y + r * y_step + first, n, relu, add);
    }
}

static void tiles8(const Map *map, const float *x, int64_t x_step, int64_t n_rows, float *y, int64_t y_step, int relu,
                   int add, uint8_t *rounded) {
    int64_t n_panels = (map->n_out + PANEL - 1) / PANEL, n_fours = (map->n_in + 3) / 4;
    float scales[CHUNK];
    for (int64_t row = 0; row < n_rows; row++) {
        uint8_t *to = rounded + row * n_fours * 4;
        memset(to + n_fours * 4 - 4, 0, 4);
        scales[row] = quantise(x + row * x_step, map->n_in, to);
    }
    for (int64_t panel = 0; panel < n_panels; panel++)
        for (int64_t row = 0; row < n_rows; row += ROWS) {
            const uint8_t *from = rounded + row * n_fours * 4;
            const float *scale = scales + row;
            float *to = y + row * y_step;
            switch (n_rows - row) {
                case 1: tile8(map, panel, from, n_fours, scale, 1, to, y_step, relu, add); break;
                case 2: tile8(map, panel, from, n_fours, scale, 2, to, y_step, relu, add); break;
                case 3: tile8(map, panel, from, n_fours, scale, 3, to, y_step, relu, add); break;
                case 4: tile8(map, panel, from, n_fours, scale, 4, to, y_step, relu, add); break;
                case 5: tile8(map, panel, from, n_fours, scale, 5, to, y_step, relu, add); break;
                default: tile8(map, panel, from, n_fours, scale, ROWS, to, y_step, relu, add);
            }
        }
}
#endif

/* y = or += x W^T + bias, and then max(0, .) if relu. room: of s2s_room bytes, for 8 bits. */
static void apply(const Map *map, const float *x, int64_t x_step, int64_t n_rows, float *y, int64_t y_step, int relu,
                  int add, void *room) {
    for (int64_t first = 0; first < n_rows; first += CHUNK) {
        int64_t n = n_rows - first < CHUNK ? n_rows - first : CHUNK;
        const float *from = x + first * x_step;
        float *to = y + first * y_step;
#ifdef __AVX512VNNI__
        if (map->weights8) {
            tiles8(map, from, x_step, n, to, y_step, relu, add, room);
            continue;
        }
#endif
        tiles(map, from, x_step, n, to, y_step, relu, add);
    }
    (void)room;
}

static size_t room_of(int64_t n_in) { return (size_t)(n_in + 4) * CHUNK; }

int s2s_map(const Map *map, const float *x, int64_t n_rows, float *y) {
    void *room = malloc(room_of(map->n_in));
    if (!room) return 1;
    apply(map, x, map->n_in, n_rows, y, map->n_out, 0, 0, room);
    free(room);
    return 0;
}

/* --- row by row ------------------------------------------------------------------------------------------------- */

/* e^x for x <= 0, to about 1e-7 of its value; a loop around it becomes vector instructions. */
INLINE float exp_of_negative(float x) {
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

static float largest_of(const float *x, int64_t n) {
    float largest = -INFINITY;
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    return largest;
}

static void normalise(const Norm *norm, const float *x, int64_t n_rows, int64_t d, float epsilon, float *y) {
    for (int64_t row = 0; row < n_rows; row++, x += d, y += d) {
        float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < d; i++) sum += x[i];
        float mean = sum / (float)d;
#pragma omp simd reduction(+ : squares)
        for (int64_t i = 0; i < d; i++) squares += (x[i] - mean) * (x[i] - mean);
        float scale = 1.0f / sqrtf(squares / (float)d + epsilon);
#pragma omp simd
        for (int64_t i = 0; i < d; i++) y[i] = (x[i] - mean) * scale * norm->weight[i] + norm->bias[i];
    }
}

#define FULL 16 /* scores are filled up to a multiple, so that no loop has a slow end */

/* One query: softmax(q K^T) V for each head. keys[j] is key j, its value lies value_offset floats behind it. */
INLINE void attend_one(const float *q, const float *const *keys, int64_t value_offset, int64_t n_keys, int64_t n_heads,
                       int64_t width, float *scores, float *out) {
    int64_t blocks = (n_keys + FULL - 1) / FULL, step = blocks * FULL;
    for (int64_t j = 0; j < n_keys; j++) {
        const float *k = keys[j];
        for (int64_t h = 0; h < n_heads; h++) {
            float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
            for (int64_t i = 0; i < width; i++) sum += q[h * width + i] * k[h * width + i];
            scores[h * step + j] = sum;
        }
    }
    for (int64_t h = 0; h < n_heads; h++) {
        float *weights = scores + h * step, *y = out + h * width, largest = -INFINITY, sum = 0.0f;
        for (int64_t j = n_keys; j < step; j++) weights[j] = -INFINITY;
#pragma omp simd reduction(max : largest)
        for (int64_t j = 0; j < blocks * FULL; j++) largest = weights[j] > largest ? weights[j] : largest;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < blocks * FULL; j++) {
            weights[j] = exp_of_negative(weights[j] - largest);
            sum += weights[j];
        }
        float share = 1.0f / sum;
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
static void attend(const float *q, const float *const *keys, int64_t value_offset, int64_t n_keys, int64_t n_heads,
                   int64_t width, float *scores, float *out) {
    switch (width) {
        case 32: attend_one(q, keys, value_offset, n_keys, n_heads, 32, scores, out); break;
        case 64: attend_one(q, keys, value_offset, n_keys, n_heads, 64, scores, out); break;
        default: attend_one(q, keys, value_offset, n_keys, n_heads, width, scores, out);
    }
}

/* --- the Transformer -------------------------------------------------------------------------------------------- */

/* Memory for what a call computes on the way. */
typedef struct {
    float *normed, *queries, *attended, *wide, *scores;
    const float **keys;
    void *room;
} Work;

static int take(Work *work, const Stack *s, int64_t n_rows, int64_t n_wide, int64_t n_keys) {
    int64_t widest = s->d_ff > s->d_model ? s->d_ff : s->d_model;
    size_t one = sizeof(float);
    work->normed = malloc((size_t)(n_rows * s->d_model) * one);
    work->queries = malloc((size_t)(n_rows * s->d_model) * one);
    work->attended = malloc((size_t)(n_rows * s->d_model) * one);
    work->wide = malloc((size_t)n_wide * one);
    work->scores = malloc((size_t)((n_keys + FULL) * s->n_heads) * one);
    work->keys = malloc((size_t)n_keys * sizeof(float *));
    work->room = malloc(room_of(widest));
    return work->normed && work->queries && work->attended && work->wide && work->scores && work->keys &&
           work->room;
}

static void give_back(Work *work) {
    free(work->normed);
    free(work->queries);
    free(work->attended);
    free(work->wide);
    free(work->scores);
    free(work->keys);
    free(work->room);
}

static int64_t most_keys(const int64_t *spans, int64_t n_sentences) {
    int64_t most = 1;
    for (int64_t b = 0; b < n_sentences; b++) {
        int64_t n_keys = spans[4 * b + 3] - spans[4 * b + 2];
        most = n_keys > most ? n_keys : most;
    }
    return most;
}

/* What a sublayer reads: x, or its norm. */
static const float *input(const Stack *s, const Norm *norm, const float *x, int64_t n_rows, Work *work) {
    if (!s->pre) return x;
    normalise(norm, x, n_rows, s->d_model, s->epsilon, work->normed);
    return work->normed;
}

/* What follows after a sublayer's output was added to x. */
static void after(const Stack *s, const Norm *norm, float *x, int64_t n_rows) {
    if (!s->pre) normalise(norm, x, n_rows, s->d_model, s->epsilon, x);
}

/* Attention of each sentence's queries to its keys. spans has, for each sentence, its first query row, the row after
 * its last, its first key row, the row after its last. */
static void attend_spans(const Stack *s, const float *q, int64_t q_step, const float *k, int64_t k_step,
                         const int64_t *spans, int64_t n_sentences, Work *work) {
    for (int64_t b = 0; b < n_sentences; b++) {
        const int64_t *span = spans + 4 * b;
        int64_t n_keys = span[3] - span[2];
        for (int64_t j = 0; j < n_keys; j++) work->keys[j] = k + (span[2] + j) * k_step;
        for (int64_t row = span[0]; row < span[1]; row++)
            attend(q + row * q_step, work->keys, s->d_model, n_keys, s->n_heads, s->d_model / s->n_heads, work->scores,
                   work->attended + row * s->d_model);
    }
}

static void feed_forward(const Stack *s, const Layer *layer, const Norm *norm, float *x, int64_t n_rows, Work *work) {
    const float *y = input(s, norm, x, n_rows, work);
    int64_t d = s->d_model;
    for (int64_t first = 0; first < n_rows; first += CHUNK) {
        int64_t n = n_rows - first < CHUNK ? n_rows - first : CHUNK;
        apply(&layer->inner, y + first * d, d, n, work->wide, s->d_ff, 1, 0, work->room);
        apply(&layer->outer, work->wide, s->d_ff, n, x + first * d, d, 0, 1, work->room);
    }
    after(s, norm, x, n_rows);
}

/* The encoder: x, the embeddings of all sentences without padding, becomes its output. 0, or 1 without memory. */
int s2s_encode(const Stack *s, float *x, int64_t n_rows, const int64_t *spans, int64_t n_sentences) {
    Work work;
    int64_t d = s->d_model, wide = n_rows * 3 * d > CHUNK * s->d_ff ? n_rows * 3 * d : CHUNK * s->d_ff;
    int able = take(&work, s, n_rows, wide, most_keys(spans, n_sentences));
    for (int64_t l = 0; able && l < s->n_layers; l++) {
        const Layer *layer = s->layers + l;
        const float *y = input(s, &layer->norms[0], x, n_rows, &work);
        apply(&layer->queries_keys_values, y, d, n_rows, work.wide, 3 * d, 0, 0, work.room);
        attend_spans(s, work.wide, 3 * d, work.wide + d, 3 * d, spans, n_sentences, &work);
        apply(&layer->attention_output, work.attended, d, n_rows, x, d, 0, 1, work.room);
        after(s, &layer->norms[0], x, n_rows);
        feed_forward(s, layer, &layer->norms[1], x, n_rows, &work);
    }
    if (able && s->last.weight) normalise(&s->last, x, n_rows, d, s->epsilon, x);
    give_back(&work);
    return !able;
}

/* One step of the decoder: x, the embeddings of the pieces chosen last, becomes its output.
 * said[t] has for each layer the queries, keys and values of step t, one after the other; the last is filled here.
 * n_said[t] is how many rows step t had. writers has, for each row, by which row each step of its past was written.
 * source has for each layer the keys and values of the encoder's output. 0, or 1 without memory. */
int s2s_step(const Stack *s, float *x, int64_t n_rows, float *const *said, const int64_t *n_said,
             const int32_t *writers, int64_t n_steps, const float *const *source, const int64_t *spans,
             int64_t n_sentences) {
    Work work;
    int64_t d = s->d_model, most = most_keys(spans, n_sentences);
    int able = take(&work, s, n_rows, CHUNK * s->d_ff, most > n_steps ? most : n_steps);
    for (int64_t l = 0; able && l < s->n_layers; l++) {
        const Layer *layer = s->layers + l;
        float *now = said[n_steps - 1] + l * n_rows * 3 * d;
        const float *y = input(s, &layer->norms[0], x, n_rows, &work);
        apply(&layer->queries_keys_values, y, d, n_rows, now, 3 * d, 0, 0, work.room);
        for (int64_t row = 0; row < n_rows; row++) {
            const int32_t *by = writers + row * n_steps;
            for (int64_t t = 0; t < n_steps; t++) work.keys[t] = said[t] + (l * n_said[t] + by[t]) * 3 * d + d;
            attend(now + row * 3 * d, work.keys, d, n_steps, s->n_heads, d / s->n_heads, work.scores,
                   work.attended + row * d);
        }
        apply(&layer->attention_output, work.attended, d, n_rows, x, d, 0, 1, work.room);
        after(s, &layer->norms[0], x, n_rows);

        y = input(s, &layer->norms[1], x, n_rows, &work);
        apply(&layer->source_queries, y, d, n_rows, work.queries, d, 0, 0, work.room);
        attend_spans(s, work.queries, d, source[l], 2 * d, spans, n_sentences, &work);
        apply(&layer->source_output, work.attended, d, n_rows, x, d, 0, 1, work.room);
        after(s, &layer->norms[1], x, n_rows);

        feed_forward(s, layer, &layer->norms[2], x, n_rows, &work);
    }
    if (able && s->last.weight) normalise(&s->last, x, n_rows, d, s->epsilon, x);
    give_back(&work);
    return !able;
}

/* --- what search asks of logits --------------------------------------------------------------------------------- */

/* log of the sum of e^x of each row. */
void s2s_log_sum_exp(const float *x, int64_t n_rows, int64_t n_columns, float *out) {
    for (int64_t n = 0; n < n_rows; n++) {
        const float *row = x + n * n_columns;
        float largest = largest_of(row, n_columns), sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n_columns; i++) sum += exp_of_negative(row[i] - largest);
        out[n] = largest + logf(sum);
    }
}

/* The largest number of each row and where it first stands; a row of NaN alone has NaN, at its start. */
void s2s_largest(const float *x, int64_t n_rows, int64_t n_columns, float *values, int64_t *places) {
    for (int64_t n = 0; n < n_rows; n++) {
        const float *row = x + n * n_columns;
        float largest = largest_of(row, n_columns);
        int64_t place = 0;
        while (place < n_columns && row[place] != largest) place++;
        places[n] = place < n_columns ? place : 0;
        values[n] = row[places[n]];
    }
}
