"""Codes of languages, and their English names, as files and columns have them."""

import re
from functools import cache

# ISO 639-1, and of ISO 639-3 what large corpora of many languages have
_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el
en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu
ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na
nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn
so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
ace afr aka als amh apc arb asm ast awa ayr azj bak bam ban bel bem ben bho bod bos bre bug bul cat ceb ces cjk
ckb cor crh cym dan deu dik dsb dyu dzo ell eng epo est eus ewe fao fas fij fil fin fon fra fry fur gla gle glg
grn gsw guj hat hau haw heb hin hmn hne hrv hsb hun hye ibo ilo ind isl ita jav jpn kab kac kan kas kat kaz kbp
khk khm kik kin kir kmr kor kur lao lat lij lim lin lit lmo ltz lua lug luo lus lvs mai mal mar min mkd mlg mlt
mni mos mri msa mya nep nld nno nob nso nus nya oci orm ory pag pan pap pes pol por prs pus que ron run rus sag
san sat scn shn sin slk slv smo sna snd som sot spa sqi srd srp ssw sun swa swe swh szl tam tat tel tgk tgl tha
tir tpi tsn tso tuk tum tur twi uig ukr umb urd uzb uzn vec vie war wol xho ydd yid yor yue zho zsm zul
ain gaz kea kmb knc ltg pbt plt quc quy quz taq tzm
"""

# ISO 639-3 (and the larger language, where corpora have a part of it) and 639-1
_SHORT = """
afr af aka ak als sq amh am arb ar asm as ayr ay azj az bak ba bam bm bel be ben bn bod bo bos bs bul bg cat ca
ces cs cor kw cym cy dan da deu de dzo dz ell el eng en epo eo est et eus eu ewe ee fao fo fas fa fij fj fin fi
fra fr fry fy gla gd gle ga glg gl grn gn guj gu hat ht hau ha heb he hin hi hrv hr hun hu hye hy ibo ig ind id
isl is ita it jav jv jpn ja kan kn kas ks kat ka kaz kk khk mn khm km kik ki kin rw kir ky kor ko kur ku lao lo
lat la lim li lin ln lit lt ltz lb lug lg lvs lv mal ml mar mr mkd mk mlg mg mlt mt mri mi msa ms mya my nep ne
nld nl nno nn nob nb nya ny oci oc orm om ory or pan pa pes fa plt mg pol pl por pt pus ps que qu ron ro run rn
rus ru sag sg san sa sin si slk sk slv sl smo sm sna sn snd sd som so sot st spa es sqi sq srd sc srp sr ssw ss
sun su swa sw swe sv swh sw tam ta tat tt tel te tgk tg tgl tl tha th tir ti tsn tn tso ts tuk tk tur tr twi tw
uig ug ukr uk urd ur uzb uz uzn uz vie vi wol wo xho xh ydd yi yid yi yor yo zho zh zsm ms zul zu
"""

# as the columns of spreadsheets are often called
_NAMES = """
aa Afar, ab Abkhazian, ae Avestan, af Afrikaans, ak Akan, am Amharic, an Aragonese, ar Arabic, as Assamese,
av Avaric, ay Aymara, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian, bi Bislama, bm Bambara,
bn Bengali, bo Tibetan, br Breton, bs Bosnian, ca Catalan, ce Chechen, ch Chamorro, co Corsican, cr Cree,
cs Czech, cv Chuvash, cy Welsh, da Danish, de German, dv Dhivehi, dz Dzongkha, ee Ewe, el Greek, en English,
eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian, ff Fulah, fi Finnish, fj Fijian, fo Faroese,
fr French, fy Frisian, ga Irish, gd Gaelic, gl Galician, gn Guarani, gu Gujarati, gv Manx, ha Hausa, he Hebrew,
hi Hindi, ho Hiri Motu, hr Croatian, ht Haitian Creole, hu Hungarian, hy Armenian, hz Herero, ia Interlingua,
id Indonesian, ig Igbo, ii Nuosu, ik Inupiaq, io Ido, is Icelandic, it Italian, iu Inuktitut, ja Japanese,
jv Javanese, ka Georgian, kg Kongo, ki Kikuyu, kj Kuanyama, kk Kazakh, kl Kalaallisut, km Khmer, kn Kannada,
ko Korean, kr Kanuri, ks Kashmiri, ku Kurdish, kv Komi, kw Cornish, ky Kyrgyz, la Latin, lb Luxembourgish,
lg Ganda, li Limburgish, ln Lingala, lo Lao, lt Lithuanian, lu Luba-Katanga, lv Latvian, mg Malagasy,
mh Marshallese, mi Maori, mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese,
my Burmese, na Nauru, ne Nepali, ng Ndonga, nl Dutch, nn Norwegian Nynorsk, no Norwegian, nv Navajo,
ny Chichewa, oc Occitan, oj Ojibwa, om Oromo, or Odia, os Ossetian, pa Punjabi, pi Pali, pl Polish, ps Pashto,
pt Portuguese, qu Quechua, rm Romansh, rn Rundi, ro Romanian, ru Russian, rw Kinyarwanda, sa Sanskrit,
sc Sardinian, sd Sindhi, se Northern Sami, sg Sango, si Sinhala, sk Slovak, sl Slovenian, sm Samoan, sn Shona,
so Somali, sq Albanian, sr Serbian, ss Swati, st Sotho, su Sundanese, sv Swedish, sw Swahili, ta Tamil,
te Telugu, tg Tajik, th Thai, ti Tigrinya, tk Turkmen, tl Tagalog, tn Tswana, to Tongan, tr Turkish, ts Tsonga,
tt Tatar, tw Twi, ty Tahitian, ug Uyghur, uk Ukrainian, ur Urdu, uz Uzbek, ve Venda, vi Vietnamese, vo Volapük,
wa Walloon, wo Wolof, xh Xhosa, yi Yiddish, yo Yoruba, za Zhuang, zh Chinese, zu Zulu, ace Acehnese,
ast Asturian, awa Awadhi, ban Balinese, bem Bemba, bho Bhojpuri, bug Buginese, ceb Cebuano, ckb Sorani,
crh Crimean Tatar, dsb Lower Sorbian, dyu Dyula, fon Fon, fur Friulian, gsw Swiss German, haw Hawaiian,
hmn Hmong, hne Chhattisgarhi, hsb Upper Sorbian, ilo Ilocano, kab Kabyle, kac Kachin, kbp Kabiye, kmr Kurmanji,
lij Ligurian, lmo Lombard, lua Luba-Kasai, luo Luo, lus Mizo, mai Maithili, min Minangkabau, mni Meitei,
mos Mossi, nso Northern Sotho, nus Nuer, pag Pangasinan, pap Papiamento, prs Dari, sat Santali, scn Sicilian,
shn Shan, szl Silesian, tpi Tok Pisin, tum Tumbuka, umb Umbundu, vec Venetian, war Waray, yue Cantonese
"""
_REGION = re.compile(r"[-_]([A-Za-z]{2}|[A-Za-z]{4}|[0-9]{3})")


def is_language(name: str) -> bool:
    """Whether it is a code, with a region or script or without: `en`, `PT_BR`, `zho-Hans`."""
    code = name.strip().lower()
    if len(code) == 2 and name.strip().istitle():  # `No` and `Ja` are a pair
        return False
    known = _codes()
    for length in (2, 3):
        if code[:length] in known and (len(code) == length or _REGION.fullmatch(code[length:])):
            return True
    return False


def shortest_code(name: str) -> str:
    """A language without its region or script, by its code of two letters if it has one.

    >>> shortest_code("khm_Khmr"), shortest_code("pt-BR"), shortest_code("quy")
    ('km', 'pt', 'quy')
    """
    own = re.split(r"[-_]", name.strip().lower())[0]
    return _short_codes().get(own, own)


def code_of(name: str) -> str | None:
    """The code of a language by what a column is called: the code itself, as it is written, or the English name.

    >>> code_of("PT_BR"), code_of("Swahili"), code_of("text")
    ('PT_BR', 'sw', None)
    """
    return name.strip() if is_language(name) else _names().get(" ".join(name.casefold().split()))


def english_name(code: str) -> str | None:
    """The English name of a language by its code, if that is known; a region or script does not matter.

    >>> english_name("en-GB"), english_name("src")
    ('english', None)
    """
    own = re.split("[-_]", code.lower())[0]
    return next((name for name, known in _names().items() if known == own), None)


@cache
def _codes() -> frozenset[str]:
    return frozenset(_CODES.split())


@cache
def _short_codes() -> dict[str, str]:
    words = _SHORT.split()
    return dict(zip(words[::2], words[1::2], strict=True))


@cache
def _names() -> dict[str, str]:
    """Codes by names in small letters."""
    return {name: code for code, name in (one.split(maxsplit=1) for one in _NAMES.strip().casefold().split(","))}
