#include "core/data/generate/story_tables.h"

namespace espalier::generate {
namespace {

// Level 3: two or three subordinate clauses a sentence. Level 4: periods of forty words and more, participles, rare and
// abstract words.
constexpr Rule kRules[] = {
    {"open", 3, 3,
     "Many years ago, in {a} {adj} house {home}, whose windows looked out upon the {far}, there lived a {kid} named "
     "{hero}, who was said to have more {virtue} than was usual at such an age. What {he} treasured above everything "
     "else was {a} {colour} {item} that {his} grandfather, {a} {kind} old {trade}, had brought back from the {far}."},
    {"open", 3, 3,
     "Whoever travelled through the {region} in those days was sure to hear of {hero}, a {kid} who lived {home} and "
     "whose {virtue} was praised by everyone from the {trade} to the {trade}. The first thing that visitors were shown "
     "was {a} {colour} {item}, which {he} kept beside {a} {ware} on {a} {adj} shelf."},
    {"open", 3, 3,
     "Since the death of the old {trade}, the {adj} house {home} had belonged to the family of {hero}, a {kid} whom "
     "nobody had ever heard complain. Although the rooms smelled of {scent} and the roof leaked, {he} was content, "
     "because {he} possessed {a} {colour} {item} for which other children would have given all their toys."},
    {"open", 4, 4,
     "At a time when the {region} was still governed from the {far}, and when travellers, exhausted by the {adj} "
     "roads, would entertain one another with anecdotes of {virtue} and misfortune, there lived {home}, in a residence "
     "that was as {adj} as it was {adj}, a {kid} by the name of {hero}, of whose {virtue} the {trade}s of the vicinity "
     "spoke with unanimous admiration. Among {his} possessions, which comprised {a} {ware}, {a} {ware} and an "
     "incomplete collection of {plant}, none was dearer to {him} than {a} {colour} {item}, acquired by {his} "
     "great-grandfather, an itinerant {trade}, under circumstances that no member of the family was ever willing to "
     "disclose."},
    {"open", 4, 4,
     "Historians of the {region}, in so far as they condescend to mention children at all, invariably begin with "
     "{hero}, a {kid} who resided {home} in {a} {adj} building, permeated by the fragrance of {scent} and {scent}, "
     "which had formerly accommodated {a} {trade} of considerable reputation. It was there, upon {a} {adj} pedestal "
     "between {a} {ware} and {a} {ware}, that {he} preserved {a} {colour} {item}, an heirloom whose significance, "
     "though it was incomprehensible to strangers, surpassed in {his} estimation that of every other object in the "
     "{far}."},
    {"open", 4, 4,
     "Of the innumerable {kid}s who have grown up {home}, surrounded by {plant}, {plant} and the perpetual odour of "
     "{scent}, few have been remembered with such affection as {hero}, whose {virtue} and {virtue} were proverbial "
     "even among the notoriously {adj} streets beyond the {far}. Visitors, whether {trade}s, {trade}s or merely "
     "curious acquaintances, were conducted without exception to {a} {adj} alcove, in which, illuminated by a solitary "
     "candle and guarded by an indifferent {creature}, there stood {a} {colour} {item}."},

    {"who", 3, 3,
     "{His} closest companion was {friend}, {a} {kind} neighbour whose parents, both of whom had been {trade}s, had "
     "taught {fhim} that a promise which is made {adv} is seldom kept."},
    {"who", 3, 3,
     "If there was anybody whose opinion {he} valued, it was {friend}, who lived behind the {adj} wall where the "
     "{plant} grew, and who had a reputation for being as {kind} as {fhe} was {kind}."},
    {"who", 4, 4,
     "The only person to whom {he} confided {his} aspirations was {friend}, {a} {kind} and {kind} contemporary, "
     "apprenticed to {a} {trade} whose {adj} workshop, crowded with every conceivable variety of {ware} and {ware}, "
     "served the two companions as a refuge from the expectations of their respective families."},
    {"who", 4, 4,
     "{He} was inseparable from {friend}, an acquaintance distinguished by {virtue} rather than by eloquence, who, "
     "having been educated {adv} by {a} {kind} {trade} in the vicinity of the {far}, was able to contemplate the most "
     "{adj} of predicaments without the slightest alteration in {fhis} expression."},

    {"scene", 3, 3,
     "It was one of those {weather} mornings on which the {creature}s are silent, the {plant} hangs motionless over "
     "the {adj} fences, and the smell of {scent}, which is carried across from the {far}, makes even the most {adj} "
     "street seem hospitable."},
    {"scene", 3, 3,
     "At the market, where {a} {trade} was praising {a} {ware} that nobody wanted, people were talking about nothing "
     "but the {feast}, for which the {trade} had ordered {dish}, {dish} and a barrel of {scent}-scented water."},
    {"scene", 3, 3,
     "Not far from the {adj} gate, beneath {a} {tree} that had been planted in honour of {a} {trade}, {a} {creature} "
     "and {a} {creature} were quarrelling {adv} over a piece of {dish}, which neither of them seemed to need."},
    {"scene", 3, 3,
     "The road to the {far}, which was bordered by {plant} and {plant}, was so {adj} at that time of the year that the "
     "{trade}, who travelled it with {a} {ware} under each arm, preferred to wait until the {weather} weather had "
     "passed."},
    {"scene", 3, 3,
     "Somebody had left {a} {ware} on the {adj} steps of the town hall, and the {trade}, who believed that it must be "
     "a present for the {feast}, had filled it {adv} with {plant}."},
    {"scene", 4, 4,
     "The {weather} atmosphere of that season, in which the exhalations of {scent}, {scent} and {scent} mingled above "
     "the {adj} rooftops, had induced a peculiar lethargy in the inhabitants, so that the {trade} dozed beside {a} "
     "{ware}, the {trade} neglected {a} {ware} that had been brought in for repair, and only {a} {creature}, oblivious "
     "of the general indolence, persevered {adv} in its pursuit of {a} {creature} among the {plant}."},
    {"scene", 4, 4,
     "In the emporium of the {trade}, an establishment frequented by connoisseurs from as far away as the {far}, one "
     "could examine, besides {a} {adj} {ware} and {a} {adj} {ware}, an assortment of curiosities, among them {a} "
     "{ware} inlaid with {tree}, a preserved {creature} of uncertain provenance, and a manuscript concerning the "
     "cultivation of {plant} that had been annotated {adv} by generations of {trade}s."},
    {"scene", 4, 4,
     "Preparations for the {feast}, supervised with {virtue}, if not always with {virtue}, by a committee of {trade}s, "
     "had transformed the {adj} thoroughfares into a labyrinth of trestles, upon which quantities of {dish}, {dish} "
     "and {dish} awaited consumption, while {a} {weather} breeze, descending from the {far}, scattered the petals of "
     "the {plant} indiscriminately over dignitaries and {creature}s alike."},
    {"scene", 4, 4,
     "Beyond the {far}, where {adj} terraces of {tree} and {tree} alternated with {adj} outcrops inhabited exclusively "
     "by {creature}s, an expedition of {trade}s, equipped with {a} {ware}, {a} {ware} and provisions of {dish}, was "
     "reported to be searching {adv} for the remains of a settlement which, according to the archives of the {region}, "
     "had been obliterated on the eve of its own {feast}."},
    {"scene", 4, 4,
     "{A} {creature}, perched {adv} upon the {adj} balustrade, contemplated with an expression of {virtue} the "
     "spectacle of {a} {trade} and {a} {trade}, formerly the most {kind} of colleagues, disputing the ownership of {a} "
     "{adj} {ware} that neither of them, as subsequent investigations were to demonstrate, had acquired by entirely "
     "honourable means."},
    {"scene", 4, 4,
     "Nothing in the conversation of the {trade}s, which revolved, as it had for weeks, around the exorbitant price of "
     "{dish}, the declining quality of {scent} and the scandalous behaviour of {a} {creature} belonging to {a} "
     "{trade}, suggested that anybody anticipated an occurrence more remarkable than {a} {weather} interval between "
     "two equally {adj} afternoons."},

    {"goal", 3, 3,
     "One {weather} morning, when the preparations for the {feast} had already begun, {hero} announced at breakfast "
     "that {he} intended to {want}. \"It is the only thing that I have wished for since I was little,\" {he} explained "
     "to {friend}, who had come to borrow {a} {ware}, \"and I shall not rest until it is done.\""},
    {"goal", 3, 3,
     "For as long as {he} could remember, {hero} had dreamed of the day on which {he} would {want}, and now that the "
     "{feast} was only a few hours away, {he} rose {adv} before the {creature}s were awake and put on {his} best "
     "clothes."},
    {"goal", 4, 4,
     "It had been the ambition of {hero}, ever since {a} {weather} evening on which {a} {trade} had regaled the "
     "household with reminiscences of the {far}, to {want}, and the approach of the {feast}, which was celebrated in "
     "the {region} with extravagant quantities of {dish} and {dish}, convinced {him} that the moment for its "
     "realisation had finally arrived. \"Whatever obstacles may present themselves,\" {he} declared {adv} to {friend}, "
     "who was examining {a} {ware} with professional curiosity, \"I am resolved to confront them with {virtue}.\""},
    {"goal", 4, 4,
     "Having consulted, in the course of {a} {weather} winter, not only {his} relatives but also {a} {trade}, {a} "
     "{trade} and the {adj} almanac that was chained to the lectern of the library, {hero} arrived at the irrevocable "
     "decision to {want}. \"There are undertakings,\" {he} remarked to {friend}, as the two of them descended the "
     "{adj} staircase, \"in which deliberation must yield to {virtue}.\""},

    {"problem", 3, 3,
     "What {he} had not foreseen was that {trouble}. \"How could this have happened?\" exclaimed {hero}, who looked "
     "{adv} from one side of the {adj} yard to the other, as though somebody might step forward and confess."},
    {"problem", 3, 3,
     "No sooner had {he} opened the {adj} door, however, than {he} discovered that {trouble}; and it was plain, even "
     "to the {creature}s on the roof, that all {his} plans would come to nothing unless {he} found a way to put it "
     "right."},
    {"problem", 4, 4,
     "It was therefore with indescribable consternation that {he} ascertained, upon emerging {adv} from the {adj} "
     "vestibule, what a less {kind} observer would have attributed to malevolence rather than to coincidence: "
     "{trouble}. \"Is there no limit,\" exclaimed {hero}, addressing {himself} to {a} {creature} in default of a more "
     "sympathetic audience, \"to the ingenuity of misfortune?\""},
    {"problem", 4, 4,
     "Circumstances, however, which have never shown the least consideration for the aspirations of the young, had "
     "meanwhile conspired against {him}, for {trouble}, a calamity that reduced {hero}, notwithstanding {his} "
     "celebrated {virtue}, to a condition of {adj} silence, interrupted only by the distant hammering of {a} {trade} "
     "and the derisive commentary of {a} {creature}."},

    {"mood", 3, 3,
     "{hero}, who felt more {sad} than {he} would ever have admitted, sat for a long time beneath {a} {tree} and "
     "considered what a person of {virtue}, such as the {trade} whose portrait hung in the hall, would have done in "
     "{his} place."},
    {"mood", 3, 3,
     "Although it made {him} {sad} to think of the hours that would be lost, {he} reminded {himself} that {virtue}, as "
     "{a} {trade} had once told {him}, is nothing more than the habit of beginning again, and so {he} rolled up {his} "
     "sleeves."},
    {"mood", 4, 4,
     "{Sad} as {he} undoubtedly was, {hero} had been brought up to regard despair as an extravagance appropriate only "
     "to {trade}s and tragedians, and {he} accordingly devoted the ensuing quarter of an hour, seated {adv} upon {a} "
     "{adj} parapet overgrown with {plant}, to a systematic enumeration of the expedients that {virtue}, {virtue} and "
     "a rudimentary acquaintance with mechanics might place at {his} disposal."},
    {"mood", 4, 4,
     "A child less {kind}, or less accustomed to the vicissitudes of existence among {trade}s, would have succumbed to "
     "lamentation; {hero}, though {sad} to a degree that alarmed {a} {creature} in the adjacent {plant}, merely "
     "tightened the laces of {his} shoes, inhaled the invigorating aroma of {scent}, and embarked {adv} upon the first "
     "of a succession of experiments."},

    {"try", 3, 3,
     "{Nth}, because {he} was not the kind of {kid} who abandons a plan before it has been tested, {hero} {did}; but "
     "{failed}, and {he} stood {adv} among the {plant}, wondering how {a} {trade} would have set about it."},
    {"try", 3, 3,
     "{Nth}, encouraged by {a} {creature} that seemed to nod at {him} from {a} {adj} post, {he} {did}, although {he} "
     "had been warned against it by everyone who understood such matters; yet {failed}, so that nothing had been "
     "gained except experience."},
    {"try", 3, 3,
     "\"Surely there must be a method which nobody has thought of,\" said {hero}, who {adv} {did}, while {a} {trade} "
     "with {a} {ware} watched from across the road; but {failed}, and the {trade}, who had expected as much, went on "
     "{adv}."},
    {"try", 3, 3,
     "{Nth}, after {he} had shared a portion of {dish} with the {creature} and recovered {his} {virtue}, {hero} {did}, "
     "which demanded more patience than {he} had ever shown before; nevertheless {failed}, and the {weather} light was "
     "already fading."},
    {"try", 3, 3,
     "{Nth} {he} recalled what the {trade}, who had travelled as far as the {far}, once did in a similar difficulty, "
     "and so {he} {did}; but {failed}, and {hero} was obliged to admit, {adv} and with {a} {sad} smile, that it had "
     "been a foolish idea."},
    {"try", 4, 4,
     "{Nth}, mindful of the maxim, attributed to {a} {trade} of the {far}, that {virtue} without application is as "
     "ineffectual as {a} {ware} without a handle, {hero} {did}, exhibiting {a} {virtue} that would have elicited the "
     "approbation of the most {kind} of instructors; nevertheless {failed}, and {he} was compelled to withdraw {adv} "
     "to the {adj} perimeter of the scene in order to contemplate a less vulnerable stratagem."},
    {"try", 4, 4,
     "{Nth}, disregarding the admonitions of {a} {trade} who had interrupted a substantial meal of {dish} for the "
     "express purpose of delivering them, {he} {did}, having first ascertained, by means of {a} {ware} borrowed for "
     "the occasion, that the conditions were as favourable as the {weather} climate of the {region} permitted; but "
     "{failed}, a consequence which the {trade}, gesticulating {adv} with {a} {ware}, claimed to have predicted from "
     "the outset."},
    {"try", 4, 4,
     "\"Perseverance,\" observed {hero}, more for the benefit of {a} {creature} than from any genuine conviction, "
     "\"has been known to accomplish what {virtue} alone could not,\" whereupon {he} {did}, undeterred by the {adj} "
     "irregularities of the terrain and by the unmistakable fragrance of {scent} that emanated from the kitchen of {a} "
     "{kind} {trade}; {failed}, however, and the only perceptible result of so much exertion was {a} {sad} sigh."},
    {"try", 4, 4,
     "{Nth}, since neither {virtue} nor {virtue} had proved equal to the emergency, {hero} resorted to an expedient "
     "described in {a} {adj} encyclopaedia, the property of {a} {trade}, in an article situated between those on "
     "{plant} and on the domestication of the {creature}: {he} {did}, {adv} and without regard for {his} appearance; "
     "yet {failed}, which the encyclopaedia, as {he} established subsequently, had mentioned in a footnote."},
    {"try", 4, 4,
     "{Nth}, while the {trade}s of the {region}, attracted by rumours as exaggerated as they were {adj}, assembled "
     "{adv} behind a hedge of {plant} in order to exchange conjectures and {dish}, {he} {did}, to the accompaniment of "
     "advice that was abundant, contradictory and in several instances unintelligible; {failed}, unfortunately, and "
     "the spectators, having commiserated with {hero} in a manner that rendered {him} still more {sad}, dispersed."},
    {"try", 4, 4,
     "{Nth}, fortified by a portion of {dish}, the gift of {a} {kind} {trade} whose own youth, spent in the {adj} "
     "solitude of the {far}, had been rich in comparable disappointments, {hero} {did}, persuading {himself} that what "
     "had defeated {virtue} might be susceptible to {virtue}; but {failed}, and {a} {weather} twilight, perfumed with "
     "{scent}, enveloped alike the {tree}, the {tree} and the {sad} experimenter."},

    {"pause", 3, 3,
     "\"You are attempting too much at once,\" observed {stranger}, {a} {kind} {trade} who was on the way to the {far} "
     "with {a} {ware}, \"for what cannot be done by {virtue} can seldom be done by force.\""},
    {"pause", 3, 3,
     "{other}, who had always been jealous of the {item}, leaned over the {adj} fence and laughed, although not so "
     "{adv} that anybody else could hear it, and afterwards offered {him} a portion of {dish}."},
    {"pause", 3, 3,
     "In the distance, where the {adj} road disappears behind the {far}, {a} {trade} was singing {adv} about the "
     "{feast}, and for a moment {hero}, who knew every verse of the song, forgot why {he} was {sad}."},
    {"pause", 4, 4,
     "\"I cannot help observing,\" interposed {other}, whose reputation for {virtue} had not diminished {a} {adj} "
     "partiality for gratuitous counsel, \"that the {trade}s of the {far}, confronted with embarrassments of this "
     "description, invariably have recourse to {a} {ware}, {a} {ware} and a generous measure of {dish}, and I have yet "
     "to hear of a single occasion on which they were disappointed.\""},
    {"pause", 4, 4,
     "{other}, a rival of long standing, who coveted the {item} with an intensity that {a} {trade} had once diagnosed "
     "as unhealthy, surveyed these proceedings {adv} from behind {a} {adj} trellis of {plant}, torn between an "
     "inclination to ridicule them and the dawning, if involuntary, recognition that {virtue} of such a quality "
     "deserved encouragement rather than contempt."},
    {"pause", 4, 4,
     "{stranger}, an elderly {trade} on a pilgrimage from the {far} to the {far}, halted beside {him}, deposited {a} "
     "{adj} {ware} upon the {plant}, and expatiated {adv} on the transitory nature of possessions, a discourse to "
     "which {hero}, preoccupied with calculations of {his} own, responded with courtesy but without enthusiasm."},

    {"wise", 3, 3,
     "Towards noon old {elder}, the {office}, who had followed everything from {a} {adj} bench under {a} {tree}, "
     "called {him} over and offered {him} some {dish}. \"When I was as young as you are,\" said {elder}, \"I believed "
     "that whoever asks for help has failed already, and it took me half a lifetime, {a} {ware} and a great deal of "
     "{virtue} to learn that the opposite is true.\""},
    {"wise", 3, 3,
     "It was {elder}, the {office}, who finally spoke, after having listened {adv} for so long that everyone had "
     "forgotten the {adj} chair in the corner. \"There is a saying in the {far},\" said {elder}, \"that a burden which "
     "is shared weighs no more than {a} {ware}, and I have never met {a} {trade} who could prove it wrong.\""},
    {"wise", 4, 4,
     "It was at this juncture that the venerable {elder}, who had officiated as {office} of the {region} for longer "
     "than the {adj} registers recorded, and whose pronouncements, delivered {adv} from {a} {adj} armchair beneath {a} "
     "{tree}, were treated by {trade}s and {trade}s alike as tantamount to law, beckoned to {him}. \"In the whole of "
     "my experience,\" said {elder}, \"which encompasses three inundations, {a} {feast} that ended in litigation and "
     "the unexplained disappearance of {a} {ware}, I have encountered no instance of {virtue} more conspicuous, or "
     "more frequently neglected, than the readiness to solicit assistance.\""},
    {"wise", 4, 4,
     "Profoundly affected by so much fruitless exertion, {elder}, the {office}, laid aside {a} {ware} whose "
     "restoration had occupied the better part of {a} {weather} decade. \"Consider the {creature},\" said {elder}, "
     "indicating with {a} {adj} walking stick a specimen that was dozing {adv} amid the {plant}, \"which, deficient "
     "though it may be in {virtue} and {virtue}, has never once imagined that independence consists in the refusal of "
     "companionship.\""},

    {"ask", 3, 3,
     "{hero} thanked the old {office} {adv} and hurried along the {adj} lane to {friend}, who was mending {a} {ware} "
     "on the doorstep. \"I have been too proud to come to you,\" {he} confessed, when {he} had told {fhim} all that "
     "had happened to the {item}, \"but I see now that I shall never manage it unless you help me.\""},
    {"ask", 3, 3,
     "These words, which {he} repeated to {himself} all the way to the {adj} house where {friend} lived, gave {him} "
     "{virtue}. \"Would you come with me,\" {he} asked, before {friend} could offer {him} any {dish}, \"although you "
     "have every reason to be offended that I did not ask you sooner?\""},
    {"ask", 4, 4,
     "Persuaded, though not without a residue of embarrassment, by the cogency of this argument, {hero} proceeded "
     "{adv} through the {adj} passages of the tanners and the {adj} colonnade of the {trade}s to the dwelling of "
     "{friend}, who was engaged in the classification of {plant}. \"I have, as you are doubtless aware, exhausted "
     "every expedient that {virtue} could suggest,\" {he} began, \"and I should consider it an act of {virtue}, for "
     "which no expression of gratitude could be adequate, if you would lend me your assistance with the {item}.\""},
    {"ask", 4, 4,
     "Neither the {weather} hour nor the recollection of certain {adj} remarks, exchanged on the occasion of the "
     "previous {feast}, deterred {hero} from presenting {himself} immediately at the residence of {friend}, where {he} "
     "was received {adv} and regaled with {dish}. \"What I am about to request,\" {he} said, having described without "
     "embellishment the predicament of the {item}, \"presupposes a degree of {virtue} which I should hesitate to "
     "expect from anybody whose friendship I valued less.\""},

    {"answer", 3, 3,
     "\"Nobody who has a friend need apologise,\" replied {friend}, whose eyes had lit up, \"and besides, I happen to "
     "own {a} {means}, which has been waiting behind {a} {ware} ever since my aunt, who was {a} {trade}, stopped "
     "travelling to the {far}.\""},
    {"answer", 3, 3,
     "{friend}, who had listened {adv} to the end, stood up without a word, disappeared into the {adj} cellar and "
     "returned a moment later. \"What we need is {a} {means},\" {fhe} said, \"and if we leave now, while the weather "
     "is still {weather}, we shall be finished before the {dish} is cold.\""},
    {"answer", 4, 4,
     "\"Your confidence does me more honour than I deserve,\" rejoined {friend}, whose countenance betrayed nothing of "
     "the satisfaction that {fhe} undoubtedly experienced, \"and it so happens that among the effects of a deceased "
     "relative, {a} {trade} of eccentric habits and incorruptible {virtue}, which have been deposited since the "
     "{feast} in {a} {adj} outbuilding, between {a} {ware} and {a} {ware}, there is {a} {means}, whose suitability for "
     "our purpose appears to me indisputable.\""},
    {"answer", 4, 4,
     "{friend}, in whom the faculty of deliberation had been cultivated {adv} by years of intercourse with {trade}s, "
     "reflected for an interval that seemed to {hero} interminable. \"Unless I am very much mistaken,\" {fhe} "
     "pronounced at length, replacing {a} {ware} in the {adj} cabinet from which {fhe} had extracted it, \"the "
     "solution, which is embarrassingly simple and requires less {virtue} than {virtue}, consists in {a} {means}.\""},

    {"solve", 3, 3,
     "They returned together along the {adj} path, on which {a} {creature} accompanied them for a while, and set to "
     "work at once: {together}. \"To think that I wasted a whole {weather} day on it!\" cried {hero}, who did not know "
     "whether to laugh or to weep."},
    {"solve", 3, 3,
     "What followed was so simple that the {trade}, who had stopped to give advice, forgot to give it: {together}. "
     "Even {other}, who had come back to see how it would end, clapped {adv} and declared that such {virtue} had never "
     "been witnessed in the {region}."},
    {"solve", 4, 4,
     "Of what ensued, once the two companions, escorted by {a} {creature}, {other} and an indeterminate number of "
     "inquisitive {trade}s, had regained the {adj} scene of so many disappointments, the chronicles of the {region} "
     "furnish contradictory accounts, though all of them concur in the essential particulars: {together}. \"It is "
     "inconceivable,\" exclaimed {hero}, whose relief manifested itself in {a} {adv} executed somersault, \"that so "
     "insurmountable a difficulty should have required, in the end, nothing but {virtue} and a friend!\""},
    {"solve", 4, 4,
     "The operation, which was conducted in the presence of {other}, {stranger} and a deputation of {trade}s, occupied "
     "rather less time than {a} {trade} requires for the sharpening of {a} {ware}: {together}. A murmur of "
     "astonishment, in which the croaking of {a} {creature} was distinctly audible, passed {adv} through the assembly, "
     "and the {office}, removing {a} {adj} hat, acknowledged that the archives contained no precedent for such "
     "{virtue}."},

    {"joy", 3, 3,
     "{hero}, who was too {glad} to speak, embraced {friend} beneath the {tree}, and when the news had reached the "
     "{far}, people whom neither of them had ever met arrived with {dish}, {dish} and {a} {ware} as a present."},
    {"joy", 3, 3,
     "\"I owe this to your {virtue},\" said {hero}, who was as {glad} as on the day when the {item} had been given to "
     "{him}, \"and whoever praises me for it shall be told that it was you, my {kind} {friend}, who knew what to "
     "do.\""},
    {"joy", 4, 4,
     "The {glad} expression with which {hero} contemplated the {item}, and the scarcely less {glad} demeanour of "
     "{friend}, upon whom the {trade}s, forgetting their customary reserve, bestowed {a} {ware}, {a} {ware} and an "
     "inexhaustible supply of {dish}, were immortalised by {a} {trade} in {a} {adj} engraving, impressions of which "
     "may still be discovered, faintly redolent of {scent}, in the antiquarian establishments of the {far}."},
    {"joy", 4, 4,
     "\"To attribute this outcome to my own {virtue},\" proclaimed {hero}, {glad} beyond the capacity of ordinary "
     "language to express and therefore compelled to employ {a} {trade}'s, \"would be an imposture of which no admirer "
     "of {friend}, whose {virtue} and {virtue} have today been demonstrated before the entire {region}, could "
     "conceivably be guilty.\""},

    {"end", 3, 3,
     "So it was that {hero} was able to {want} after all, exactly as {he} had intended. Long after the last of the "
     "{dish} had been eaten and the {creature}s had fallen silent among the {plant}, {he} was still sitting with "
     "{friend} on the {adj} steps, and both of them agreed that {virtue}, although it is a fine thing, is worth little "
     "to a person who has nobody to share it with."},
    {"end", 3, 3,
     "Before the sun had set behind the {far}, {hero} was on the way, with {friend} at {his} side, to {want}, and "
     "there was not {a} {trade} in the whole {region} who did not come out to wave. In later years, when {he} had "
     "{himself} become {a} {trade}, {he} liked to tell the children that the hardest part of any undertaking is the "
     "moment before one asks."},
    {"end", 4, 4,
     "Thus it came about that {hero}, accompanied by {friend} and acclaimed by a multitude whose enthusiasm was not "
     "appreciably dampened by {a} {weather} shower, was enabled to {want}, as {he} had originally proposed. If the "
     "inhabitants of the {region} are distinguished to this day, among populations otherwise addicted to {dish} and "
     "litigation, by {a} {virtue} which astonishes the most experienced of {trade}s, the explanation is to be sought, "
     "in the unanimous judgement of posterity, less in the salubrious proximity of the {far} than in their "
     "recollection of an afternoon on which {virtue}, having failed in isolation, triumphed in company."},
    {"end", 4, 4,
     "The sequel may be related in a few words: {hero} proceeded, that very evening, to {want}, and the {feast}, "
     "illuminated by lanterns of every description and enlivened by the performances of {a} {creature} belonging to "
     "{stranger}, continued until the {plant} glistened with dew. The {item} is nowadays exhibited in {a} {adj} "
     "museum, between {a} {ware} and {a} {ware}, above an inscription, composed by {elder}, in which the curious may "
     "read that {virtue} is the ornament of solitude, but that friendship, however {adv} it is offered, is the "
     "consummation of {virtue}."},

    {"nth", 3, 4, "{order}"},
};

}  // namespace

std::span<const Rule> rich_story_rules() {
  return kRules;
}

}  // namespace espalier::generate
