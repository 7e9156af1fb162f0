#include "docs/samples/bakery/bakery.h"
#include "tests/support/actors/scene.h"

static const actor_kind_t *const kinds[] = {&baker_kind, &shop_kind};

static void begin(scene_t *scene, uint64_t seed)
{
    scene_begin(scene,
                &(scene_options_t){.seed = seed, .kinds = kinds, .kind_count = COUNT_OF(kinds)});
}

static address_t baker(void)
{
    return address_of("baker", STR("a"));
}

static address_t shop(void)
{
    return address_of("shop", STR("corner"));
}

/* The first field of each. */
static uint64_t shelf(scene_t *scene)
{
    return scene_asked(scene, shop(), shop_look).value;
}

static uint64_t baked(scene_t *scene)
{
    return scene_asked(scene, baker(), baker_look).value;
}

Test(sample_bakery, no_more_is_baked_than_fits_on_the_shelf_and_all_of_it_is_sold)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        scene_t scene;
        begin(&scene, seed);

        check_ok(scene_asked(&scene, baker(), baker_bake, .shop = STR("corner"), .loaves = 50).err);
        scene_settle(&scene);
        cr_assert(eq(u64, shelf(&scene), BAKERY_SHELF));
        cr_assert(eq(u64, baked(&scene), BAKERY_SHELF));
        for (uint64_t sold = 1; sold <= 50; sold++) {
            check_ok(scene_asked(&scene, shop(), shop_buy).err);
            scene_settle(&scene);
            cr_assert(le(u64, baked(&scene), sold + BAKERY_SHELF));
            cr_assert(sold == 50 || shelf(&scene) > 0, "there is bread after %llu",
                      (unsigned long long)sold);
        }

        check_err(scene_asked(&scene, shop(), shop_buy).err, ERR_NOT_FOUND);
        cr_assert(eq(u64, baked(&scene), 50));
        scene_end(&scene);
    }
}

Test(sample_bakery, a_shop_that_closes_stops_the_baker_who_may_begin_again)
{
    scene_t scene;
    begin(&scene, 1);

    check_ok(scene_asked(&scene, baker(), baker_bake, .shop = STR("corner"), .loaves = 50).err);
    scene_settle(&scene);
    check_err(scene_asked(&scene, baker(), baker_bake, .shop = STR("corner"), .loaves = 1).err,
              ERR_CONFLICT);
    check_ok(scene_asked(&scene, shop(), shop_close).err);
    scene_settle(&scene);
    cr_assert(eq(u64, baked(&scene), BAKERY_SHELF));
    check_ok(scene_asked(&scene, baker(), baker_bake, .shop = STR("corner"), .loaves = 3).err);
    scene_settle(&scene);

    cr_assert(eq(u64, baked(&scene), BAKERY_SHELF + 3));
    cr_assert(eq(u64, shelf(&scene), BAKERY_SHELF + 3), "what was delivered before stays");
    scene_end(&scene);
}
