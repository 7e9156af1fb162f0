#include "storage/search/index/common_words.h"

#include <stdlib.h>

/* Ascending by bytes. English, Spanish, French, German, Portuguese, Italian, Polish, Russian,
 * Arabic, Hebrew; Japanese, Korean and Chinese have pairs of their own or syllables enough. */
static const str_t words[] = {
    STR_INIT("a"),     STR_INIT("al"),    STR_INIT("all"),  STR_INIT("and"),  STR_INIT("are"),
    STR_INIT("as"),    STR_INIT("at"),    STR_INIT("au"),   STR_INIT("auch"), STR_INIT("auf"),
    STR_INIT("baby"),  STR_INIT("back"),  STR_INIT("be"),   STR_INIT("but"),  STR_INIT("by"),
    STR_INIT("can"),   STR_INIT("cause"), STR_INIT("ce"),   STR_INIT("che"),  STR_INIT("co"),
    STR_INIT("come"),  STR_INIT("como"),  STR_INIT("con"),  STR_INIT("da"),   STR_INIT("dans"),
    STR_INIT("das"),   STR_INIT("de"),    STR_INIT("del"),  STR_INIT("den"),  STR_INIT("der"),
    STR_INIT("des"),   STR_INIT("di"),    STR_INIT("dich"), STR_INIT("die"),  STR_INIT("dir"),
    STR_INIT("do"),    STR_INIT("doch"),  STR_INIT("dont"), STR_INIT("down"), STR_INIT("du"),
    STR_INIT("e"),     STR_INIT("ein"),   STR_INIT("el"),   STR_INIT("elle"), STR_INIT("em"),
    STR_INIT("en"),    STR_INIT("es"),    STR_INIT("est"),  STR_INIT("et"),   STR_INIT("eu"),
    STR_INIT("feel"),  STR_INIT("for"),   STR_INIT("from"), STR_INIT("get"),  STR_INIT("go"),
    STR_INIT("got"),   STR_INIT("have"),  STR_INIT("he"),   STR_INIT("her"),  STR_INIT("here"),
    STR_INIT("how"),   STR_INIT("i"),     STR_INIT("ich"),  STR_INIT("if"),   STR_INIT("il"),
    STR_INIT("ill"),   STR_INIT("im"),    STR_INIT("in"),   STR_INIT("is"),   STR_INIT("ist"),
    STR_INIT("it"),    STR_INIT("its"),   STR_INIT("jak"),  STR_INIT("je"),   STR_INIT("jest"),
    STR_INIT("just"),  STR_INIT("know"),  STR_INIT("la"),   STR_INIT("las"),  STR_INIT("le"),
    STR_INIT("les"),   STR_INIT("let"),   STR_INIT("like"), STR_INIT("lo"),   STR_INIT("los"),
    STR_INIT("love"),  STR_INIT("ma"),    STR_INIT("mais"), STR_INIT("make"), STR_INIT("me"),
    STR_INIT("meu"),   STR_INIT("mi"),    STR_INIT("mich"), STR_INIT("mir"),  STR_INIT("mit"),
    STR_INIT("mnie"),  STR_INIT("moi"),   STR_INIT("mon"),  STR_INIT("more"), STR_INIT("my"),
    STR_INIT("na"),    STR_INIT("nao"),   STR_INIT("ne"),   STR_INIT("need"), STR_INIT("never"),
    STR_INIT("nicht"), STR_INIT("nie"),   STR_INIT("no"),   STR_INIT("non"),  STR_INIT("not"),
    STR_INIT("nous"),  STR_INIT("now"),   STR_INIT("o"),    STR_INIT("of"),   STR_INIT("oh"),
    STR_INIT("on"),    STR_INIT("one"),   STR_INIT("only"), STR_INIT("os"),   STR_INIT("our"),
    STR_INIT("out"),   STR_INIT("para"),  STR_INIT("pas"),  STR_INIT("per"),  STR_INIT("piu"),
    STR_INIT("plus"),  STR_INIT("por"),   STR_INIT("pour"), STR_INIT("pra"),  STR_INIT("que"),
    STR_INIT("qui"),   STR_INIT("say"),   STR_INIT("se"),   STR_INIT("see"),  STR_INIT("she"),
    STR_INIT("si"),    STR_INIT("sie"),   STR_INIT("so"),   STR_INIT("sono"), STR_INIT("sur"),
    STR_INIT("take"),  STR_INIT("te"),    STR_INIT("that"), STR_INIT("the"),  STR_INIT("there"),
    STR_INIT("they"),  STR_INIT("this"),  STR_INIT("ti"),   STR_INIT("time"), STR_INIT("to"),
    STR_INIT("ton"),   STR_INIT("tout"),  STR_INIT("tu"),   STR_INIT("um"),   STR_INIT("un"),
    STR_INIT("una"),   STR_INIT("und"),   STR_INIT("une"),  STR_INIT("up"),   STR_INIT("us"),
    STR_INIT("voce"),  STR_INIT("w"),     STR_INIT("want"), STR_INIT("was"),  STR_INIT("way"),
    STR_INIT("we"),    STR_INIT("wenn"),  STR_INIT("what"), STR_INIT("when"), STR_INIT("where"),
    STR_INIT("wie"),   STR_INIT("will"),  STR_INIT("wir"),  STR_INIT("with"), STR_INIT("y"),
    STR_INIT("yeah"),  STR_INIT("yo"),    STR_INIT("you"),  STR_INIT("your"), STR_INIT("youre"),
    STR_INIT("z"),     STR_INIT("в"),     STR_INIT("все"),  STR_INIT("и"),    STR_INIT("как"),
    STR_INIT("меня"),  STR_INIT("мне"),   STR_INIT("на"),   STR_INIT("не"),   STR_INIT("но"),
    STR_INIT("с"),     STR_INIT("ты"),    STR_INIT("что"),  STR_INIT("это"),  STR_INIT("я"),
    STR_INIT("אני"),   STR_INIT("את"),    STR_INIT("כל"),   STR_INIT("לא"),   STR_INIT("לי"),
    STR_INIT("על"),    STR_INIT("של"),    STR_INIT("انا"),  STR_INIT("على"),  STR_INIT("في"),
    STR_INIT("كل"),    STR_INIT("لا"),    STR_INIT("ما"),   STR_INIT("من"),   STR_INIT("يا"),
};

static int compare(const void *a, const void *b)
{
    return str_compare(*(const str_t *)a, *(const str_t *)b);
}

bool common_words_has(str_t word)
{
    return bsearch(&word, words, COUNT_OF(words), sizeof words[0], compare) != NULL;
}
