#pragma once
/* tongue_words.h -- tongue.c's lists: real words, commonest first, and syllables to make others of.
 */

static const char *const english_words[] = {
    "the",        "you",       "love",      "me",        "my",        "of",        "in",
    "to",         "a",         "i",         "it",        "your",      "on",        "for",
    "is",         "and",       "night",     "heart",     "time",      "all",       "baby",
    "don't",      "down",      "be",        "one",       "way",       "day",       "we",
    "life",       "up",        "what",      "world",     "with",      "let",       "girl",
    "no",         "like",      "go",        "man",       "dance",     "rain",      "blue",
    "fire",       "home",      "little",    "good",      "sun",       "away",      "come",
    "feel",       "never",     "dream",     "black",     "light",     "eyes",      "back",
    "song",       "star",      "say",       "out",       "if",        "river",     "mind",
    "when",       "sweet",     "moon",      "road",      "christmas", "this",      "know",
    "soul",       "summer",    "lost",      "from",      "are",       "hold",      "boy",
    "white",      "more",      "long",      "again",     "make",      "that",      "new",
    "can",        "over",      "take",      "gold",      "wild",      "red",       "lonely",
    "just",       "now",       "want",      "alone",     "die",       "last",      "free",
    "house",      "sky",       "crazy",     "hard",      "forever",   "angel",     "money",
    "big",        "rock",      "old",       "kiss",      "broken",    "high",      "stay",
    "king",       "run",       "city",      "morning",   "tears",     "cry",       "tonight",
    "beautiful",  "about",     "need",      "dark",      "how",       "low",       "water",
    "god",        "wind",      "cold",      "feeling",   "thing",     "hand",      "ride",
    "green",      "rose",      "too",       "friend",    "only",      "live",      "heaven",
    "fall",       "play",      "street",    "falling",   "so",        "train",     "close",
    "call",       "burning",   "people",    "better",    "place",     "please",    "still",
    "everything", "silver",    "without",   "tell",      "two",       "before",    "right",
    "bad",        "walk",      "into",      "queen",     "stop",      "ghost",     "young",
    "party",      "three",     "fool",      "sea",       "mother",    "moment",    "bird",
    "bring",      "dead",      "under",     "ocean",     "dreams",    "stars",     "diamond",
    "lady",       "winter",    "shadow",    "devil",     "crying",    "line",      "game",
    "shine",      "power",     "hell",      "mountain",  "body",      "turn",      "happy",
    "born",       "nothing",   "memory",    "loving",    "roll",      "sugar",     "sleep",
    "end",        "by",        "always",    "hope",      "lights",    "breathe",   "door",
    "danger",     "tomorrow",  "another",   "glass",     "stone",     "smile",     "read",
    "strange",    "secret",    "flowers",   "silence",   "sister",    "brother",   "machine",
    "children",   "soldier",   "paper",     "garden",    "spring",    "autumn",    "thunder",
    "lightning",  "yesterday", "together",  "something", "somebody",  "everybody", "nobody",
    "believe",    "remember",  "forget",    "goodbye",   "hello",     "tender",    "gentle",
    "mercy",      "freedom",   "glory",     "desire",    "fever",     "hungry",    "paradise",
    "wonder",     "mystery",   "miracle",   "magic",     "island",    "desert",    "valley",
    "window",     "mirror",    "letter",    "picture",   "candle",    "whisper",   "echo",
    "distance",   "horizon",   "midnight",  "sunrise",   "sunset",    "daylight",  "darkness",
    "gravity",    "electric",  "velvet",    "crystal",   "golden",    "silent",    "hollow",
    "empty",      "breaking",  "running",   "walking",   "dancing",   "singing",   "waiting",
    "calling",    "flying",    "driving",   "sailing",   "fading",    "dying",     "living",
    "giving",     "leaving",   "coming",    "going",     "turning",   "holding",   "looking",
    "thinking",   "talking",   "writing",   "reading",   "playing",   "smoke",     "ashes",
    "dust",       "bones",     "blood",     "skin",      "lips",      "arms",      "feet",
    "head",       "face",      "voice",     "name",      "number",    "highway",   "railroad",
    "station",    "bridge",    "tower",     "castle",    "kingdom",   "empire",    "country",
    "village",    "harbor",    "anchor",    "sailor",    "captain",   "pirate",    "cowboy",
    "gypsy",      "stranger",  "lover",     "dreamer",   "wanderer",  "hunter",    "teacher",
    "doctor",     "preacher",  "prisoner",  "sunday",    "monday",    "friday",    "saturday",
    "january",    "april",     "september", "october",   "december"};

static const char *const spanish_words[] = {
    "de",       "la",    "el",      "amor",    "mi",     "tu",     "en",     "que",    "no",
    "te",       "y",     "corazón", "noche",   "vida",   "sol",    "luna",   "mar",    "yo",
    "me",       "un",    "más",     "lo",      "con",    "sin",    "por",    "los",    "cielo",
    "alma",     "fuego", "canción", "bailar",  "beso",   "tiempo", "camino", "mañana", "señorita",
    "niña",     "loco",  "mujer",   "ojos",    "sueño",  "mundo",  "lluvia", "dolor",  "adiós",
    "estrella", "rosa",  "libre",   "siempre", "nunca",  "fiesta", "tierra", "verano", "invierno",
    "sangre",   "boca",  "piel",    "ayer",    "hombre", "río",    "flor",   "viento", "ángel"};

static const char *const french_words[] = {
    "de",    "la",        "le",       "je",      "l'amour", "mon",      "et",      "tu",
    "les",   "un",        "dans",     "coeur",   "nuit",    "vie",      "soleil",  "lune",
    "mer",   "moi",       "des",      "pas",     "une",     "pour",     "ne",      "toi",
    "à",     "été",       "rêve",     "étoile",  "chanson", "temps",    "danse",   "ciel",
    "âme",   "fou",       "beauté",   "femme",   "jour",    "ma",       "rue",     "pluie",
    "fleur", "vent",      "petite",   "monde",   "jamais",  "toujours", "encore",  "adieu",
    "paris", "rose",      "fille",    "garçon",  "bateau",  "oiseau",   "château", "forêt",
    "hiver", "printemps", "première", "dernière"};

static const char *const german_words[] = {
    "die",      "der",    "das",   "ich",      "du",     "und",    "mein",   "in",
    "liebe",    "herz",   "nacht", "leben",    "sonne",  "mond",   "meer",   "ist",
    "für",      "nicht",  "immer", "traum",    "himmel", "seele",  "tanz",   "mädchen",
    "über",     "schön",  "ein",   "dich",     "mir",    "welt",   "zeit",   "tag",
    "wind",     "feuer",  "regen", "stern",    "nie",    "wieder", "heimat", "straße",
    "wald",     "licht",  "augen", "kind",     "könig",  "mutter", "lied",   "wasser",
    "fräulein", "gefühl", "glück", "frühling", "sommer", "winter", "zurück", "weiß"};

static const char *const portuguese_words[] = {
    "o",       "de",      "a",     "amor",    "do",      "meu",      "que",      "você",
    "eu",      "da",      "e",     "coração", "noite",   "vida",     "sol",      "lua",
    "mar",     "não",     "um",    "em",      "saudade", "canção",   "tempo",    "céu",
    "alma",    "paixão",  "para",  "sem",     "minha",   "menina",   "samba",    "rio",
    "flor",    "mundo",   "sonho", "chuva",   "manhã",   "beijo",    "dia",      "amanhã",
    "solidão", "estrela", "verão", "água",    "morena",  "carnaval", "tristeza", "felicidade",
    "ilusão",  "irmão"};

static const char *const italian_words[] = {
    "di",      "la",     "il",       "amore",   "cuore",   "notte",   "vita",  "sole",
    "luna",    "mare",   "io",       "te",      "che",     "non",     "mi",    "e",
    "un",      "per",    "sogno",    "cielo",   "anima",   "canzone", "tempo", "città",
    "perché",  "mio",    "tu",       "sempre",  "mai",     "donna",   "mondo", "vento",
    "stella",  "strada", "bella",    "occhi",   "parole",  "pioggia", "così",  "più",
    "bambina", "estate", "felicità", "libertà", "ragazzo", "domani",  "rosa"};

static const char *const polish_words[] = {
    "w",      "i",      "na",     "miłość",     "serce",  "noc",     "życie",  "słońce",  "księżyc",
    "morze",  "ja",     "ty",     "mój",        "się",    "nie",     "do",     "sen",     "niebo",
    "dusza",  "taniec", "czas",   "dziewczyna", "dzień",  "wiatr",   "deszcz", "gwiazda", "ogień",
    "droga",  "świat",  "dom",    "oczy",       "łzy",    "król",    "ptak",   "róża",    "jesień",
    "wiosna", "żegnaj", "powrót", "piosenka",   "kochać", "człowiek"};

static const char *const russian_words[] = {
    "я",     "ты",     "не",      "в",       "и",     "на",    "мой",   "любовь", "сердце",
    "ночь",  "жизнь",  "солнце",  "луна",    "море",  "сон",   "небо",  "душа",   "танец",
    "время", "звезда", "моя",     "мы",      "дождь", "ветер", "песня", "день",   "дорога",
    "город", "весна",  "зима",    "осень",   "глаза", "огонь", "снег",  "мир",    "дом",
    "мама",  "прощай", "счастье", "девушка", "свет",  "река",  "мечта", "слёзы",  "ещё"};

static const char *const arabic_words[] = {
    "يا",    "في",     "من",   "حب",    "قلبي", "ليل", "حياة", "شمس",  "قمر",   "بحر",
    "حبيبي", "أنا",    "روحي", "عيون",  "سماء", "حلم", "زمان", "على",  "أنت",   "ما",
    "لا",    "ليلة",   "الحب", "العمر", "غرام", "شوق", "وردة", "صباح", "مساء",  "دموع",
    "فرح",   "حبيبتي", "كلمة", "نار",   "نور",  "أمل", "سلام", "بلدي", "أغنية", "إلى"};

static const char *const hebrew_words[] = {
    "של",   "אני",   "את",  "לא",  "אהבה", "לב",    "לילה", "חיים", "שמש",  "ירח", "ים",  "שלי",
    "חלום", "שמיים", "שיר", "אור", "עולם", "ילדה",  "רוח",  "יום",  "דרך",  "גשם", "פרח", "בית",
    "זמן",  "כוכב",  "אש",  "מים", "שלום", "תקווה", "אמא",  "ארץ",  "חורף", "אביב"};

static const char *const japanese_words[] = {
    "愛",     "夜",     "恋",     "夢",     "花",       "君",         "空",     "桜",
    "月",     "星",     "僕",     "風",     "雨",       "夏",         "海",     "世界",
    "涙",     "光",     "未来",   "東京",   "さくら",   "ありがとう", "心",     "雪",
    "春",     "冬",     "秋",     "歌",     "花火",     "約束",       "永遠",   "奇跡",
    "明日",   "太陽",   "ラブ",   "ソング", "ドリーム", "メロディー", "ダンス", "スター",
    "ハート", "サマー", "旅立ち", "青い",   "赤い",     "朝",         "時間",   "声",
    "手紙",   "虹"};

static const char *const korean_words[] = {
    "사랑", "마음", "밤",   "인생", "태양",   "달",   "바다", "나",   "너",     "꿈",
    "하늘", "별",   "봄날", "눈물", "그대",   "바람", "비",   "노래", "이별",   "기억",
    "오늘", "내일", "서울", "겨울", "여름",   "가을", "꽃",   "길",   "그리움", "시간",
    "세상", "우리", "안녕", "눈",   "첫사랑", "여자", "남자", "친구", "행복",   "고백"};

static const char *const english_syllables[] = {
    "ba",   "be",  "bo",  "bra", "bri", "by",  "ca",  "ced",  "cha", "ched", "clo",  "co",
    "cran", "cu",  "da",  "den", "der", "do",  "dra", "dy",   "el",  "en",   "er",   "ev",
    "fa",   "fen", "fi",  "flo", "for", "fra", "gen", "gi",   "glo", "gra",  "ham",  "hen",
    "hol",  "in",  "ing", "jas", "jo",  "kin", "la",  "lan",  "le",  "ler",  "lin",  "lo",
    "ly",   "ma",  "men", "mer", "mi",  "mon", "mor", "na",   "nel", "ner",  "no",   "nor",
    "pa",   "pen", "per", "pin", "pla", "por", "qua", "ra",   "ram", "rel",  "ren",  "ri",
    "ro",   "ros", "sa",  "san", "sel", "ser", "sha", "ship", "sil", "so",   "stan", "ster",
    "sto",  "ta",  "tan", "tel", "ten", "ter", "ti",  "tion", "to",  "tra",  "tri",  "un",
    "ur",   "va",  "ven", "ver", "vi",  "wa",  "wel", "wick", "win", "wo",   "wood", "y"};

static const char *const spanish_syllables[] = {
    "ra",  "do",  "ta", "ción", "re",  "co",  "mi",  "na",  "lo",  "sa", "ma",
    "te",  "ri",  "ca", "to",   "de",  "la",  "ro",  "men", "tu",  "pa", "so",
    "ga",  "jo",  "ña", "ver",  "lle", "que", "cha", "bri", "dor", "rá", "lí",
    "zón", "cal", "mu", "bel",  "ji",  "tor", "güe", "pla", "fre"};

static const char *const french_syllables[] = {
    "mé",   "re",   "ai",  "té",   "lon", "ou",   "dé",  "ci",  "ve",  "ment", "ro",
    "pa",   "ran",  "eau", "lu",   "ni",  "çon",  "son", "che", "fi",  "gè",   "la",
    "oi",   "beau", "mar", "cou",  "tre", "pli",  "sai", "ra",  "vou", "ê",    "bl",
    "gnon", "lle",  "jou", "fran", "ti",  "quer", "vel", "eur", "dou"};

static const char *const german_syllables[] = {
    "ge",  "be",  "ver",  "schen", "ung",  "lich", "stein", "berg", "haus", "ter",
    "ner", "wal", "fel",  "kö",    "mü",   "grö",  "schla", "tig",  "keit", "heim",
    "zug", "ren", "sel",  "auf",   "bach", "for",  "dun",   "wie",  "ber",  "ler",
    "mei", "ach", "sprü", "gen",   "hand", "tra",  "fä",    "brau", "sto"};

static const char *const portuguese_syllables[] = {
    "ra", "do",  "ção", "nha", "lho", "ma",  "ve",  "mi",  "te",  "co",  "sa", "re", "pe",
    "lu", "bri", "fa",  "gen", "lei", "mão", "são", "pra", "can", "den", "jo", "ti", "vi",
    "bo", "qui", "nu",  "ca",  "tri", "ros", "mel", "dor", "gá",  "lé",  "çu", "xe", "bar"};

static const char *const italian_syllables[] = {
    "ra",  "to",  "re",   "zio", "ne",   "la",  "ma", "li", "co",   "no",  "ta",  "bel", "ven",
    "gio", "chi", "glia", "do",  "sta",  "per", "ri", "na", "fio",  "cam", "men", "tra", "pia",
    "sco", "lu",  "gre",  "vi",  "ster", "mo",  "da", "sè", "nità", "zzo", "gna", "bru"};

static const char *const polish_syllables[] = {
    "wa",   "nie",  "ski", "ka",  "czy", "pra", "ro",   "sz",  "ćma", "łę", "no",  "wi", "krę",
    "ży",   "dzie", "mo",  "sta", "ła",  "kow", "nica", "rze", "gó",  "li", "bra", "pę", "wo",
    "szcz", "ta",   "zie", "mło", "da",  "so",  "śli",  "tkę", "cho", "ry", "na"};
