#include "bench/catalog/words.h"

#include "runtime/base/mix.h"

#include <math.h>

typedef struct alphabet {
    const char *const *syllables;
    uint32_t count;
    uint32_t share;  /* of 1,000 names */
    const char *gap; /* between words */
    bool has_capitals;
} alphabet_t;

static const char *const latin[] = {"la",  "mi",   "ven", "so",  "ri", "ka",  "lo",  "ter",
                                    "an",  "el",   "mo",  "sha", "ni", "do",  "ver", "tu",
                                    "bel", "ra",   "sen", "co",  "fi", "ga",  "win", "hol",
                                    "ma",  "star", "li",  "be",  "jo", "per", "un",  "day"};
static const char *const marked[] = {"né", "bø",  "rå", "lü", "ção", "ñe", "ží", "ké", "mö", "să",
                                     "ły", "ğu",  "ır", "ö",  "hé",  "tà", "çi", "řa", "dě", "põ",
                                     "æl", "ßen", "vă", "jó", "la",  "ri", "mo", "ka"};
static const char *const cyrillic[] = {"мо",  "ре",   "но", "чь",  "лю", "ба",  "вь", "зи",
                                       "ма",  "свет", "го", "род", "пе", "сня", "ду", "ша",
                                       "вет", "ер",   "до", "ждь", "йо", "щи",  "ты", "ска"};
static const char *const greek[] = {"θά",  "λα",  "σσα", "νύ", "χτα", "κα", "ρδιά", "φως",
                                    "έ",   "ρω",  "τας", "μέ", "ρα",  "ου", "ρα",   "νός",
                                    "τρα", "γού", "δι",  "ψυ", "χή",  "άν", "εμος", "ζω"};
static const char *const arabic[] = {"لي", "ل",  "حب",  "قمر", "نو", "ر",  "شم", "س",
                                     "بح", "ري", "ال",  "ها",  "من", "دم", "عي", "ون",
                                     "رو", "ح",  "سما", "ء",   "وط", "ني", "غر", "يب"};
static const char *const hebrew[] = {"אה", "בה", "לי", "לה", "שי", "ר", "אור", "ים",
                                     "יר", "ח",  "שמ", "ש",  "רו", "ח", "חל",  "ום",
                                     "דר", "ך",  "נש", "מה", "גש", "ם", "עי",  "ר"};
static const char *const devanagari[] = {"प्र", "े",  "म",  "रा", "त",  "चाँ", "द",  "दि",
                                         "ल",  "सू", "र",  "ज",  "गी", "त",  "नै",  "ना",
                                         "मे",  "घ", "सा", "ग",  "र",  "ऋतु", "की", "याँ"};
static const char *const thai[] = {"รัก", "ดาว", "ฟ้า",  "ฝน",   "ใจ",  "คืน", "เพลง", "ลม",
                                   "ทะ", "เล",  "แสง", "จันทร์", "หัว",  "ใจ", "เมือง", "บ้าน",
                                   "น้ำ", "ตา",  "ทาง", "วัน",   "เธอ", "ฉัน", "สาย",  "หมอก"};
static const char *const han[] = {"愛", "夜", "風", "月", "海", "夢", "花", "雪", "星", "光", "山",
                                  "河", "春", "秋", "雨", "心", "影", "城", "天", "地", "歌", "紅",
                                  "青", "龍", "鳥", "雲", "路", "歸", "飛", "時", "間", "人"};
static const char *const kana[] = {"さ", "く", "ら", "そ",   "ら",   "ゆ",   "め", "ほ",
                                   "し", "か", "ぜ", "ひ",   "か",   "り",   "ラ", "ブ",
                                   "ソ", "ン", "グ", "ドリ", "ーム", "シャ", "パ", "ヴェ"};
static const char *const hangul[] = {"사", "랑", "밤", "하", "늘", "별", "꿈", "바",
                                     "람", "비", "눈", "물", "봄", "날", "너", "를",
                                     "그", "대", "노", "래", "빛", "길", "달", "꽃"};

#define SYLLABLES(list) list, COUNT_OF(list)
static const alphabet_t alphabets[SCRIPT_COUNT] = {
    [SCRIPT_LATIN] = {SYLLABLES(latin), 560, " ", true},
    [SCRIPT_LATIN_MARKED] = {SYLLABLES(marked), 150, " ", true},
    [SCRIPT_CYRILLIC] = {SYLLABLES(cyrillic), 60, " ", false},
    [SCRIPT_GREEK] = {SYLLABLES(greek), 20, " ", false},
    [SCRIPT_ARABIC] = {SYLLABLES(arabic), 30, " ", false},
    [SCRIPT_HEBREW] = {SYLLABLES(hebrew), 15, " ", false},
    [SCRIPT_DEVANAGARI] = {SYLLABLES(devanagari), 35, " ", false},
    [SCRIPT_THAI] = {SYLLABLES(thai), 20, "", false},
    [SCRIPT_HAN] = {SYLLABLES(han), 50, "", false},
    [SCRIPT_KANA] = {SYLLABLES(kana), 30, "", false},
    [SCRIPT_HANGUL] = {SYLLABLES(hangul), 30, " ", false},
};

uint64_t words_mix(uint64_t number)
{
    return mix64(number + 0x9e3779b97f4a7c15u);
}

uint64_t words_zipf(uint64_t mixed, uint64_t count)
{
    double place = (double)(mixed >> 11) * 0x1p-53;
    uint64_t rank = (uint64_t)exp(place * log((double)count + 1)) - 1;
    return MIN(rank, count - 1);
}

words_script_t words_script(uint64_t number)
{
    uint32_t at = (uint32_t)(words_mix(number) % 1000), script = 0;
    while (script + 1 < SCRIPT_COUNT && at >= alphabets[script].share)
        at -= alphabets[script++].share;
    return (words_script_t)script;
}

/* Two syllables at least, one where a syllable is a word's worth. */
void words_append(buf_t *out, words_script_t script, uint64_t number)
{
    const alphabet_t *alphabet = &alphabets[script];
    size_t begin = out->size;
    if (alphabet->gap[0] != '\0')
        number += alphabet->count;
    do {
        buf_append(out, str_from(alphabet->syllables[number % alphabet->count]));
        number /= alphabet->count;
    } while (number > 0);
    if (alphabet->has_capitals && out->size > begin && out->data[begin] >= 'a' &&
        out->data[begin] <= 'z')
        out->data[begin] = (char)(out->data[begin] - 'a' + 'A');
}

void words_append_title(buf_t *out, words_script_t script, uint64_t seed, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append(out, str_from(alphabets[script].gap));
        words_append(out, script, words_zipf(words_mix(seed + i), WORDS_COMMON));
    }
}

void words_append_name(buf_t *out, words_script_t script, uint64_t seed)
{
    uint64_t mixed = words_mix(seed);
    uint32_t count = 1 + (uint32_t)(mixed % 8 > 0) + (uint32_t)(mixed % 8 > 6);
    if (script == SCRIPT_LATIN && mixed >> 32 & 1)
        buf_append(out, STR("The "));
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append(out, str_from(alphabets[script].gap));
        words_append(out, script, words_mix(seed + 1 + i) % WORDS_ALL);
    }
}
