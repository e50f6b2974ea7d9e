"""The functions that a query of a user may call. Pure.

A list of what is allowed, for the engine gets new functions with every version, and some of them read files, call other
servers or tell about this one. These work on their arguments alone. Left out are also functions whose work grows with
the square of their arguments' length, or takes a step of the engine for each element (`hasAll`, `editDistance`,
`arrayFold`): a time limit is looked at between blocks of rows, not within a function.
"""

from __future__ import annotations

import difflib
import re
from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SCALAR: Final = _names("""
    abs ceil floor round roundBankers trunc sign sqrt cbrt exp exp2 exp10 log log2 log10 log1p pow pi e
    divide divideOrNull intDiv intDivOrNull intDivOrZero modulo moduloOrNull moduloOrZero positiveModulo
    plus minus multiply negate gcd lcm greatest least clamp max2 min2 avg2 midpoint
    isFinite isInfinite isNaN ifNotFinite sigmoid widthBucket
    bitAnd bitOr bitXor bitNot bitCount bitShiftLeft bitShiftRight bitTest

    equals notEquals less lessOrEquals greater greaterOrEquals and or not xor
    if multiIf coalesce ifNull nullIf isNull isNotNull assumeNotNull toNullable isZeroOrNull

    length empty notEmpty has arrayCount arrayExists arrayAll arrayMap arrayFilter arrayFirst arrayFirstIndex arrayLast
    arrayLastIndex arraySum arrayAvg arrayMin arrayMax arrayProduct arrayConcat arrayDistinct arrayUniq arrayIntersect
    arrayExcept arraySort arrayReverseSort arrayReverse arraySlice arrayElement arrayElementOrNull arrayEnumerate
    arrayEnumerateUniq arrayCumSum arrayDifference arrayCompact arrayFlatten arrayZip arrayJoin arrayPushBack
    arrayPushFront arrayPopBack arrayPopFront arrayResize arrayWithConstant arrayStringConcat array range indexOf
    countEqual reverse
    map mapKeys mapValues mapContainsKey mapContainsValue mapContainsKeyLike mapContainsValueLike mapFilter mapApply
    mapExists mapAll mapAdd mapSubtract mapConcat mapFromArrays mapSort mapUpdate
    tuple tupleElement

    now now64 today yesterday toYear toQuarter toMonth toISOYear toISOWeek toWeek toYearWeek toDayOfYear toDayOfMonth
    toDayOfWeek toHour toMinute toSecond toMillisecond toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss toMonday toLastDayOfMonth
    toStartOfYear toStartOfISOYear toStartOfQuarter toStartOfMonth toStartOfWeek toStartOfDay toStartOfHour
    toStartOfMinute toStartOfSecond toStartOfMillisecond toStartOfFiveMinutes toStartOfTenMinutes
    toStartOfFifteenMinutes toStartOfInterval timeSlot dateTrunc dateDiff age dateName monthName formatDateTime
    addYears addQuarters addMonths addWeeks addDays addHours addMinutes addSeconds addMilliseconds addDate subDate
    subtractYears subtractQuarters subtractMonths subtractWeeks subtractDays subtractHours subtractMinutes
    subtractSeconds subtractMilliseconds toTimezone timezoneOf timezoneOffset toUnixTimestamp fromUnixTimestamp
    fromUnixTimestamp64Second fromUnixTimestamp64Milli fromUnixTimestamp64Micro fromUnixTimestamp64Nano
    toUnixTimestamp64Second toUnixTimestamp64Milli toUnixTimestamp64Micro toUnixTimestamp64Nano
    toIntervalMillisecond toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth
    toIntervalQuarter toIntervalYear makeDate makeDateTime makeDateTime64 parseDateTime parseDateTimeOrNull
    parseDateTimeOrZero parseDateTimeBestEffort parseDateTimeBestEffortOrNull parseDateTimeBestEffortOrZero
    parseDateTime64BestEffort parseDateTime64BestEffortOrNull parseDateTime64BestEffortOrZero
    parseDateTime64 parseDateTime64OrNull parseDateTime64OrZero

    toString toBool toDate toDateOrNull toDateOrZero toDate32 toDate32OrNull toDate32OrZero toDateTime toDateTimeOrNull
    toDateTimeOrZero toDateTime64 toDateTime64OrNull toDateTime64OrZero toTypeName
    toInt8 toInt8OrNull toInt8OrZero toInt16 toInt16OrNull toInt16OrZero toInt32 toInt32OrNull toInt32OrZero
    toInt64 toInt64OrNull toInt64OrZero toInt128 toInt128OrNull toInt128OrZero
    toUInt8 toUInt8OrNull toUInt8OrZero toUInt16 toUInt16OrNull toUInt16OrZero toUInt32 toUInt32OrNull toUInt32OrZero
    toUInt64 toUInt64OrNull toUInt64OrZero toUInt128 toUInt128OrNull toUInt128OrZero
    toFloat32 toFloat32OrNull toFloat32OrZero toFloat64 toFloat64OrNull toFloat64OrZero
    toDecimal32 toDecimal32OrNull toDecimal32OrZero toDecimal64 toDecimal64OrNull toDecimal64OrZero
    toDecimal128 toDecimal128OrNull toDecimal128OrZero toDecimalString toUUID toUUIDOrNull toUUIDOrZero

    lower upper lowerUTF8 upperUTF8 initcap lengthUTF8 concat concatWithSeparator substring substringUTF8 left leftUTF8
    right rightUTF8 leftPad rightPad repeat space reverseUTF8 trimBoth trimLeft trimRight startsWith endsWith
    startsWithUTF8 endsWithUTF8 substringIndex appendTrailingCharIfAbsent format ascii char firstLine toValidUTF8
    isValidUTF8 normalizeUTF8NFC base64Encode base64Decode tryBase64Decode hex unhex
    replaceAll replaceOne replaceRegexpAll replaceRegexpOne regexpQuoteMeta translate translateUTF8
    like notLike ilike notILike match extract extractAll extractGroups extractAllGroupsVertical
    extractAllGroupsHorizontal regexpExtract countMatches countMatchesCaseInsensitive countSubstrings
    countSubstringsCaseInsensitive position positionCaseInsensitive positionUTF8 positionCaseInsensitiveUTF8
    multiSearchAny multiSearchAnyCaseInsensitive multiSearchFirstIndex multiSearchFirstPosition
    hasToken hasTokenCaseInsensitive hasAllTokens hasAnyTokens hasPhrase
    splitByChar splitByString splitByRegexp splitByWhitespace splitByNonAlpha alphaTokens ngrams tokens

    JSONExtract JSONExtractString JSONExtractInt JSONExtractUInt JSONExtractFloat JSONExtractBool JSONExtractRaw
    JSONExtractArrayRaw JSONExtractKeys JSONExtractKeysAndValues JSONExtractKeysAndValuesRaw JSONHas JSONLength JSONKey
    JSONType JSON_VALUE JSON_QUERY JSON_EXISTS isValidJSON toJSONString simpleJSONExtractString simpleJSONExtractInt
    simpleJSONExtractUInt simpleJSONExtractFloat simpleJSONExtractBool simpleJSONExtractRaw simpleJSONHas

    cityHash64 sipHash64 xxHash64 xxh3 farmHash64 murmurHash3_64 intHash64 MD5 SHA1 SHA256 halfMD5 CRC32
    domain domainWithoutWWW topLevelDomain protocol path queryString extractURLParameter decodeURLComponent
    encodeURLComponent cutQueryString
    bar formatReadableSize formatReadableDecimalSize formatReadableQuantity formatReadableTimeDelta transform
    rand rand64 randCanonical byteSize tumble tumbleStart tumbleEnd grouping
""")

AGGREGATE: Final = _names("""
    count sum sumKahan sumWithOverflow sumCount avg avgWeighted min max any anyLast anyHeavy argMin argMax
    stddevPop stddevSamp varPop varSamp covarPop covarSamp corr skewPop skewSamp kurtPop kurtSamp entropy
    quantile quantiles quantileExact quantilesExact quantileExactLow quantileExactHigh quantileExactWeighted
    quantileTDigest quantilesTDigest quantileTDigestWeighted quantileTiming quantilesTiming quantileDeterministic
    quantileInterpolatedWeighted median medianExact medianTDigest
    uniq uniqExact uniqCombined uniqCombined64 uniqHLL12 uniqUpTo
    groupArray groupArrayLast groupArraySorted groupUniqArray groupArrayIntersect groupConcat topK topKWeighted
    approx_top_k approx_top_sum groupBitAnd groupBitOr groupBitXor
    deltaSum deltaSumTimestamp boundingRatio histogram simpleLinearRegression rankCorr
    exponentialMovingAverage exponentialTimeDecayedAvg studentTTest welchTTest mannWhitneyUTest
    windowFunnel retention sequenceMatch sequenceCount maxIntersections singleValueOrNull sparkbar
""")

WINDOW: Final = _names("""
    row_number rank denseRank percentRank cume_dist ntile nth_value lag lead lagInFrame leadInFrame
    first_value last_value nonNegativeDerivative
""")

ALIASES: Final = {
    "char_length": "lengthUTF8",
    "ceiling": "ceil",
    "truncate": "trunc",
    "power": "pow",
    "ln": "log",
    "mod": "modulo",
    "substr": "substring",
    "mid": "substring",
    "replace": "replaceAll",
    "trim": "trimBoth",
    "ltrim": "trimLeft",
    "rtrim": "trimRight",
    "lcase": "lower",
    "ucase": "upper",
    "lpad": "leftPad",
    "rpad": "rightPad",
    "concat_ws": "concatWithSeparator",
    "instr": "position",
    "date": "toDate",
    "year": "toYear",
    "quarter": "toQuarter",
    "month": "toMonth",
    "week": "toWeek",
    "day": "toDayOfMonth",
    "hour": "toHour",
    "minute": "toMinute",
    "second": "toSecond",
    "date_trunc": "dateTrunc",
    "date_diff": "dateDiff",
    "date_format": "formatDateTime",
    "last_day": "toLastDayOfMonth",
    "mapcontains": "mapContainsKey",
    "flatten": "arrayFlatten",
    "any_value": "any",
    "array_agg": "groupArray",
    "group_concat": "groupConcat",
    "string_agg": "groupConcat",
    "stddev_pop": "stddevPop",
    "stddev_samp": "stddevSamp",
    "var_pop": "varPop",
    "var_samp": "varSamp",
    "max_by": "argMax",
    "min_by": "argMin",
    "dense_rank": "denseRank",
    "percent_rank": "percentRank",
}
"""Other names, in lower case."""

COMBINATORS: Final = ("If", "Array", "Map", "Distinct", "OrNull", "OrDefault", "ForEach", "ArgMin", "ArgMax")
"""What an aggregate function's name may end with."""

_NAMES: Final = SCALAR | AGGREGATE | WINDOW
_BY_LOWER: Final = {name.lower(): name for name in sorted(_NAMES)} | ALIASES
_COMBINED: Final = re.compile(rf"(\w+?)((?:{'|'.join(COMBINATORS)})+)")


def resolve(name: str) -> str | None:
    """The engine's spelling of a function's name, whatever its case; None for one that is not allowed."""
    known = name if name in _NAMES else _BY_LOWER.get(name.lower())
    if known is not None:
        return known
    combined = _COMBINED.fullmatch(name)
    if combined is None:
        return None
    base = _BY_LOWER.get(combined[1].lower())
    return base + combined[2] if base in AGGREGATE else None


def similar(name: str) -> list[str]:
    """Names of allowed functions that may have been meant."""
    close = difflib.get_close_matches(name.lower()[:64], _BY_LOWER, n=2, cutoff=0.75)
    return [_BY_LOWER[each] for each in close]
