/* Where a picture's visual tokens lie: each cell of the grid has one token, and tiles lie as they do in the picture. */
#include "golden.h"
#include "model/config.h"

static lmvr_error error;

/* The grid of a picture of this size; *tokens receives its visual tokens. */
static struct token_grid grid_of(const char *name, int width, int height, struct picture *picture, int64_t *tokens)
{
    char folder[512];
    struct model_config config;
    struct token_grid grid = {0};
    snprintf(folder, sizeof folder, LMVR_TEST_DATA "/golden/%s", name);
    CHECK(model_config_read(folder, &config, &error));
    CHECK(preprocess_plan(&config.preprocess, width, height, picture, &error));
    *tokens = config_visual_tokens(&config, picture, NULL);
    grid.cells = calloc((size_t)*tokens, sizeof *grid.cells);
    assert_non_null(grid.cells);
    assert_int_equal(config_visual_tokens(&config, picture, &grid), *tokens);
    return grid;
}

/* Each cell has one token; `elsewhere` tokens have no cell. */
static void assert_covers(const struct token_grid *grid, int64_t tokens, int64_t elsewhere)
{
    int64_t cells = (int64_t)grid->rows * grid->columns;
    int *found = calloc((size_t)cells, sizeof *found);
    assert_int_equal(tokens, cells + elsewhere);
    for (int64_t i = 0; i < tokens; i++) {
        assert_in_range(grid->cells[i] + 1, 0, cells);
        if (grid->cells[i] >= 0)
            assert_int_equal(found[grid->cells[i]]++, 0);
    }
    free(found);
}

static void a_picture_of_any_size_is_its_own_grid(void **state)
{
    (void)state;
    struct picture picture;
    int64_t tokens;
    struct token_grid grid = grid_of("qwen3vl-odd-f32", 90, 40, &picture, &tokens);
    assert_int_equal(grid.rows, picture.views[0].height / 10);
    assert_int_equal(grid.columns, picture.views[0].width / 10);
    assert_int_equal(grid.view, 0);
    assert_covers(&grid, tokens, 0);
    free(grid.cells);
    picture_finish(&picture);
}

/* SmolVLM: a token of 2 x 2 patches of 5 pixels, tiles of 20 pixels, so 2 x 2 tokens a tile. */
static void tiles_lie_side_by_side_and_the_whole_picture_has_no_cells(void **state)
{
    (void)state;
    struct picture picture;
    int64_t tokens;
    struct token_grid grid = grid_of("smolvlm2-f32", 80, 40, &picture, &tokens);
    assert_int_equal(picture.tile_rows, 2);
    assert_int_equal(picture.tile_columns, 4);
    assert_true(grid.rows == 4 && grid.columns == 8 && grid.view == -1);
    assert_covers(&grid, tokens, 4);
    static const int second_tile[] = {2, 3, 10, 11}, fifth_tile[] = {16, 17, 24, 25};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(grid.cells[4 + i], second_tile[i]);
        assert_int_equal(grid.cells[16 + i], fifth_tile[i]);
        assert_int_equal(grid.cells[tokens - 4 + i], -1);
    }
    free(grid.cells);
    picture_finish(&picture);
}

static void padding_and_newlines_have_no_cells(void **state)
{
    (void)state;
    for (int width = 20; width < 140; width += 17) {
        struct picture picture;
        int64_t tokens;
        struct token_grid grid = grid_of("llavanext-mistral-f16", width, 60, &picture, &tokens);
        assert_covers(&grid, tokens, 16 + grid.rows); /* the whole picture's, and one a row */
        assert_true(grid.rows <= picture.tile_rows * 4 && grid.columns <= picture.tile_columns * 4);
        free(grid.cells);
        picture_finish(&picture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_of_any_size_is_its_own_grid),
        cmocka_unit_test(tiles_lie_side_by_side_and_the_whole_picture_has_no_cells),
        cmocka_unit_test(padding_and_newlines_have_no_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
