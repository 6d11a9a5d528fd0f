/* English words that are frequent in image descriptions and do not name things in them. */
#include "lab/words/nouns.h"

#include <string.h>

/* Words are between spaces, so that a search for " word " finds whole words. */
static const char stop_words[] =
    /* articles, pronouns, question words */
    " the this that these those you your yours she her hers him his they them their theirs its itself our ours who whom whose "
    "which what when where why how himself herself themselves yourself myself one's oneself someone somebody something anyone "
    "anybody anything everyone everybody everything nobody nothing none other others another each every either neither both "
    "all any some few several many much more most less least own same such it's that's there's he's she's they're we're i'm "
    /* prepositions and conjunctions */
    "and but for nor yet with without within into onto from upon over under above below beneath underneath beside besides "
    "between among amongst amid through throughout across along alongside around about against toward towards behind before "
    "after during until till since while because although though unless whether than then thus hence therefore however "
    "moreover furthermore additionally meanwhile near nearby next off out outside inside per via despite except like unlike "
    "due "
    /* auxiliaries and common verbs */
    "are was were been being has have had having does did done doing can could may might must shall should will would cannot "
    "can't don't doesn't isn't aren't appear appears seem seems look looks feature features show shows depict depicts display "
    "displays contain contains include includes capture captures portray portrays presents describe describes "
    "illustrate illustrates suggest suggests indicate indicates create creates make makes made give gives given take takes "
    "taken get gets got put puts set sets stand stands stood sit sits sat lie lies laid lay lays hold holds held wear wears "
    "worn walk walks run runs ran ride rides rode play plays eat eats ate drink drinks fly flies flew jump jumps see sees seen "
    "saw watch watches face faces fill fills surround surrounds cover covers hang hangs hung lead leads enjoy enjoys enjoying "
    "use uses used go goes went gone come comes came keep keeps kept let lets know known think say says said tell tells told "
    "add adds help helps allow allows provide provides serve serves become becomes remain remains belong belongs consist "
    "consists occupy occupies reflect reflects rest rests grow grows grown throw throws thrown catch catches caught carry "
    "carries bring brings brought built find finds found leave left begin begins open opens close closes move "
    "moves spread spreads shine shines visible engage engages gather gathers emphasize emphasizes convey conveys evoke "
    "evokes enhance enhances "
    /* adjectives: size, color, age, and such */
    "big small large little tiny huge giant tall short long wide narrow thick thin high low deep flat round square oval "
    "rectangular circular triangular curved straight old new young ancient modern vintage antique red orange yellow green blue "
    "purple violet pink brown black white gray grey beige tan dark bright pale golden silver gold colorful colourful "
    "vibrant vivid transparent clear cloudy sunny rainy snowy foggy misty wet dry hot cold warm cool fresh clean dirty dusty "
    "muddy soft hard smooth rough shiny glossy matte wooden metallic plastic woolen fluffy furry "
    "hairy striped spotted plain empty full busy quiet calm peaceful serene cozy comfortable beautiful pretty cute lovely nice "
    "good great best better bad worse happy sad playful curious alert relaxed attentive focused elegant stylish simple "
    "complex natural artificial real various different similar single double multiple main central prominent overall "
    "general entire whole total certain possible likely unlikely able available ready close-up closeup upper lower left right "
    "top bottom middle center centre front back rear distant far first second third last final initial early late recent "
    "current daily rural urban indoor indoors outdoor outdoors wild domestic male female common typical traditional "
    "unique special rare important professional delicious tasty healthy safe free rich poor heavy strong weak fast slow "
    "sharp blurry blurred lush dense sparse bare broken sandy rocky grassy leafy "
    /* adverbs */
    "not very too also just only even still already again ever never always often sometimes usually here there now well quite "
    "rather really almost perhaps maybe together apart away down forward backward upside sideways once twice else instead "
    "especially possibly "
    /* numbers */
    "one two three four five six seven eight nine ten eleven twelve dozen dozens hundred hundreds thousand thousands zero pair "
    "couple group number variety lot lots bunch piece pieces part parts half "
    /* words about the image itself, and nouns that name nothing in it */
    "image images picture pictures photo photos photograph photographs scene scenes view views shot background foreground side "
    "sides corner edge area areas space position positions direction distance appearance presence atmosphere sense focus "
    "detail details way ways type types kind kinds sort sorts style shape shapes color colors colour colours size sizes "
    "thing things object objects item items element elements addition result setting context example fact time times moment "
    "activity activities day ";

static const char exceptions[] =
    /* -ing */
    " building ceiling clothing painting drawing railing awning wedding ring king string wing swing spring thing sling evening "
    "morning lightning pudding frosting icing topping stuffing dressing stocking earring landing crossing parking covering "
    "flooring siding bedding seating sibling duckling gosling seedling herring viking sting railings bearing piping wiring "
    "marking lettering crossing fencing roofing paneling carving housing rigging "
    /* -ed */
    " bed sled shed seed weed reed speed breed steed feed moped flatbed seabed bunkbed watershed toolshed seaweed sunbed "
    "flowerbed riverbed daybed waterbed thoroughbred tumbleweed newlywed biped quadruped "
    /* -ly */
    " butterfly dragonfly firefly belly jelly lily bully fly family ally assembly housefly gadfly monopoly anomaly waterlily "
    "doily holly trolly potbelly dolly ply tally ";

static bool is_among(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at++)
        if (at > list && at[-1] == ' ' && at[length] == ' ')
            return true;
    return false;
}

bool nouns_is_stop_word(const char *word)
{
    return is_among(stop_words, word);
}

bool nouns_is_exception(const char *word)
{
    return is_among(exceptions, word);
}
