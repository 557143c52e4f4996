#include "core/data/generate/story_tables.h"

namespace espalier::generate {
namespace {

// Plain words first, so that a level's vocabulary contains that of the levels below it.
constexpr WordList kWords[] = {
    {"girl",
     {8, 16, 28, 44, 99},
     "Mia|Ann|Eve|Kim|Pam|Sue|Joy|May|"
     "Lily|Rosa|Nora|Tess|Vera|Edie|Ruth|Cora|"
     "Hanna|Maren|Olive|Petra|Sonja|Thea|Wanda|Agnes|Bella|Clara|Daria|Elsa|"
     "Frieda|Greta|Hilda|Ingrid|Judith|Katrin|Lavinia|Mirabel|Nerissa|Ottilie|Philippa|Quintina|Rosamund|Sidonie|"
     "Theodora|Ursula|"
     "Valentina|Wilhelmina|Xanthe|Yolanda|Zenobia|Araminta|Beatrix|Cordelia|Drusilla|Euphemia|Florentina|Griselda|"
     "Henrietta|Isadora|Jessamine|Kunigunde|Leocadia|Marguerite|Nicoletta|Oriana|Persephone|Rosalind|Seraphina|"
     "Thomasina"},
    {"boy",
     {8, 16, 28, 44, 99},
     "Tom|Ben|Sam|Max|Jim|Dan|Bob|Ted|"
     "Noah|Finn|Karl|Owen|Otto|Hugo|Emil|Paul|"
     "Anton|Bruno|Cyril|Edgar|Felix|Georg|Henry|Isaac|Jonas|Klaus|Lukas|Moses|"
     "Nathan|Oswald|Quentin|Rupert|Sigmund|Tobias|Ulrich|Victor|Walter|Xavier|Yannick|Zachary|Ambrose|Barnaby|"
     "Clement|Dominic|"
     "Ethelbert|Ferdinand|Gottfried|Horatio|Ignatius|Jeremiah|Kasimir|Leopold|Maximilian|Nathaniel|Octavian|"
     "Peregrine|Rodrigo|Sylvester|Thaddeus|Valentine|Wenceslas|Zebedee|Archibald|Bartholomew|Cornelius|Demetrius|"
     "Emmanuel|Fitzgerald"},
    {"place",
     {6, 12, 20, 32, 99},
     "by the sea|on a hill|in the wood|by the lake|on a farm|in a town|"
     "near the mill|at the harbour|behind the church|beside the river|on an island|under the castle|"
     "at the edge of the moor|in the valley of the wolves|above the fishing village|opposite the old brewery|"
     "between two vineyards|next to the lighthouse|beyond the stone bridge|near the market square|"
     "on the slope of a dead volcano|in the shadow of the abbey|at the mouth of an estuary|among the salt marshes|"
     "at the end of the avenue of poplars|below the ruined fortress|along the smugglers' path|in the tannery quarter|"
     "on the border of the duchy|beside the abandoned quarry|within sight of the glacier|amid the apricot orchards|"
     "in the precincts of the observatory|on the periphery of the archipelago|beneath the basalt escarpment|"
     "at the confluence of two torrents|in the hinterland of the peninsula|adjacent to the herbalist's garden|"
     "upon a promontory of weathered slate|not far from the subterranean reservoir|in the arcades of the bazaar|"
     "beyond the aqueduct of the emperors"},
    {"trait",
     {6, 12, 20, 30, 99},
     "red|blue|white|black|little|old|"
     "brown|grey|yellow|green|golden|tiny|"
     "spotted|striped|silver|orange|purple|pretty|sandy|creamy|"
     "copper|chestnut|ivory|crimson|russet|dappled|bronze|scarlet|amber|cinnamon|"
     "vermilion|cerulean|ochre|tawny|piebald|alabaster|burgundy|iridescent|mahogany|variegated|turquoise|"
     "speckled|opalescent|lavender|umber|saffron|brindled|pearlescent"},
    {"adj",
     {6, 14, 30, 70, 199},
     "old|big|long|dark|wide|low|"
     "green|grey|quiet|round|steep|narrow|dusty|rough|"
     "broken|crooked|empty|heavy|hollow|muddy|mossy|pale|rusty|sandy|shady|silent|slippery|stony|sunny|wooden|"
     "ancient|blackened|brittle|chilly|cracked|crumbling|damp|decayed|dense|dreary|enormous|faded|forgotten|fragile|"
     "gloomy|greasy|jagged|leafless|lofty|massive|misshapen|neglected|overgrown|peculiar|polished|rotten|rugged|"
     "scorched|shabby|slender|sloping|solitary|splintered|stout|tangled|threadbare|uneven|venerable|weathered|worn|"
     "antiquated|asymmetrical|bleached|cavernous|cobwebbed|colossal|convoluted|corroded|decrepit|desiccated|"
     "dilapidated|discoloured|dishevelled|ephemeral|exquisite|formidable|gargantuan|gnarled|gossamer|grotesque|"
     "idiosyncratic|immaculate|immemorial|impenetrable|imposing|inaccessible|indestructible|inhospitable|intricate|"
     "labyrinthine|lacquered|lichened|luminous|makeshift|melancholy|monolithic|monumental|nondescript|ornamental|"
     "oblique|overhanging|palatial|perforated|petrified|precarious|precipitous|primeval|ramshackle|rectangular|"
     "resinous|rudimentary|sinuous|symmetrical|tarnished|tottering|translucent|treacherous|uninhabited|unremarkable|"
     "unyielding|vaulted|verdant|vertiginous|waterlogged|whitewashed|windswept"},
    {"adv",
     {3, 6, 14, 34, 99},
     "slowly|sadly|softly|"
     "quickly|gently|quietly|"
     "carefully|heavily|bravely|patiently|silently|suddenly|steadily|proudly|"
     "awkwardly|cautiously|cheerfully|clumsily|dutifully|earnestly|gracefully|hesitantly|mournfully|nervously|"
     "obediently|placidly|reluctantly|serenely|solemnly|stubbornly|thoughtfully|tirelessly|uneasily|wearily|"
     "apologetically|ceremoniously|circumspectly|conspicuously|diffidently|disconsolately|enigmatically|"
     "fastidiously|imperceptibly|imperturbably|inexorably|inscrutably|languidly|laboriously|majestically|"
     "meticulously|nonchalantly|obstinately|ostentatiously|perfunctorily|phlegmatically|precariously|reverently|"
     "scrupulously|surreptitiously|tremulously|unceremoniously|vociferously|whimsically"},
    {"sad",
     {2, 4, 8, 16, 99},
     "sad|upset|"
     "unhappy|worried|"
     "gloomy|miserable|troubled|anxious|"
     "dejected|downcast|forlorn|sorrowful|mournful|dispirited|crestfallen|heartbroken|"
     "despondent|disconsolate|inconsolable|melancholy|disheartened|woebegone|lugubrious|dolorous|disillusioned|"
     "exasperated|apprehensive|perturbed"},
    {"glad",
     {2, 4, 8, 16, 99},
     "happy|glad|"
     "proud|cheerful|"
     "joyful|delighted|merry|thankful|"
     "contented|radiant|overjoyed|triumphant|grateful|light-hearted|enchanted|relieved|"
     "jubilant|exultant|ecstatic|euphoric|exuberant|rapturous|beatific|enraptured|ebullient|blissful|appreciative|"
     "exhilarated"},
    {"kind",
     {2, 4, 10, 20, 99},
     "kind|good|"
     "clever|friendly|"
     "gentle|honest|brave|wise|cheerful|helpful|"
     "generous|patient|thoughtful|loyal|reliable|steadfast|sensible|obliging|warm-hearted|even-tempered|"
     "benevolent|magnanimous|compassionate|perspicacious|resourceful|unassuming|conscientious|imperturbable|"
     "charitable|indefatigable|sagacious|solicitous|incorruptible|affable"},
    {"weather",
     {3, 5, 10, 20, 99},
     "cold|warm|bright|"
     "windy|cloudy|"
     "misty|frosty|golden|mild|stormy|"
     "blustery|drowsy|hazy|sultry|autumnal|breezy|crisp|moonless|overcast|tranquil|"
     "tempestuous|crepuscular|sweltering|inclement|nebulous|halcyon|turbulent|effulgent|oppressive|gelid|"
     "diaphanous|thunderous"},
    {"tree",
     {2, 4, 8, 14, 99},
     "oak|pine|apple|elm|"
     "willow|birch|chestnut|cherry|"
     "hawthorn|sycamore|poplar|juniper|hornbeam|rowan|"
     "medlar|tamarisk|cypress|mulberry|laburnum|eucalyptus|wellingtonia|mimosa"},
    {"creature",
     {3, 5, 9, 18, 99},
     "cat|dog|hen|goat|duck|"
     "beetle|spider|lizard|sparrow|"
     "hornet|weasel|magpie|squirrel|salamander|badger|jackdaw|grasshopper|woodpecker|"
     "marmot|nightingale|polecat|cormorant|chameleon|goldcrest|firebug|kingfisher|peregrine|tarantula|"
     "axolotl|porcupine|pipistrelle|cockatoo"},
    {"plant",
     {2, 4, 8, 16, 99},
     "grass|corn|clover|ivy|"
     "nettles|ferns|thistles|heather|"
     "foxgloves|brambles|lavender|rhubarb|dandelions|parsley|bluebells|honeysuckle|"
     "chrysanthemums|delphiniums|hydrangeas|marjoram|asphodels|belladonna|chicory|fennel|gentians|hellebore|"
     "nasturtiums|snapdragons|valerian|wormwood|rhododendrons|convolvulus"},
    {"ware",
     {2, 4, 8, 20, 99},
     "pot|box|basket|bottle|"
     "blanket|button|candle|kettle|"
     "thimble|lantern|teapot|bellows|spindle|whistle|corkscrew|nutcracker|mousetrap|saddle|tambourine|inkwell|"
     "astrolabe|samovar|barometer|candelabrum|sextant|harmonium|metronome|theodolite|kaleidoscope|mandolin|"
     "chandelier|weathervane|zither|palimpsest|reliquary|decanter|escritoire|gramophone|hourglass|pendulum|"
     "stethoscope|tabernacle|armillary|clavichord|daguerreotype|pantograph|planisphere|orrery"},
    {"trade",
     {3, 6, 12, 22, 99},
     "baker|farmer|teacher|doctor|miller|sailor|"
     "tailor|fisher|carpenter|shepherd|blacksmith|gardener|"
     "cobbler|weaver|innkeeper|beekeeper|watchmaker|ferry pilot|thatcher|chimney sweep|glassblower|stonemason|"
     "pharmacist|bookbinder|cartographer|chandler|cooper|falconer|haberdasher|lexicographer|locksmith|milliner|"
     "solicitor|ornithologist|perfumer|puppeteer|saddler|taxidermist|upholsterer|archivist|cabinetmaker|"
     "ropemaker|lithographer"},
    {"far",
     {3, 5, 9, 16, 99},
     "hill|wood|town|river|valley|"
     "meadow|forest|harbour|mountain|"
     "marsh|canyon|moorland|vineyard|headland|ravine|plateau|"
     "archipelago|escarpment|estuary|isthmus|peninsula|promontory|tundra|watershed|savannah|causeway|necropolis|"
     "amphitheatre|hinterland|cataract"},
    {"regions",
     {2, 3, 5, 9, 99},
     "town|land|village|valley|island|"
     "county|province|district|borough|"
     "principality|archdiocese|municipality|protectorate|commonwealth|neighbourhood|jurisdiction|margraviate"},
    {"feasts",
     {2, 3, 5, 9, 99},
     "feast|party|fair|dance|wedding|"
     "carnival|anniversary|jubilee|midsummer festival|"
     "coronation|regatta|inauguration|masquerade|bicentenary|thanksgiving|tournament|homecoming|consecration"},
    {"virtue",
     {2, 4, 8, 18, 99},
     "love|care|courage|patience|"
     "kindness|honesty|hope|strength|"
     "generosity|determination|loyalty|humility|ingenuity|modesty|persistence|prudence|sincerity|tenderness|"
     "magnanimity|equanimity|perspicacity|forbearance|perseverance|fortitude|benevolence|resilience|sagacity|"
     "conscientiousness|imperturbability|altruism|resourcefulness|temperance|discernment|solicitude"},
    {"dish",
     {2, 4, 8, 16, 99},
     "bread|cake|soup|honey|"
     "pancakes|porridge|apple pie|cheese|"
     "dumplings|gingerbread|mushroom stew|roasted chestnuts|plum pudding|buttermilk|elderberry juice|onion tart|"
     "marzipan|quince jelly|caraway biscuits|artichokes|cardamom buns|sauerkraut|candied oranges|lentil broth|"
     "pistachio nougat|pomegranate sherbet|barley fritters|asparagus"},
    {"scent",
     {2, 4, 7, 14, 99},
     "smoke|hay|rain|leather|"
     "tar|mint|apples|"
     "thyme|beeswax|cider|seaweed|resin|sawdust|ink|"
     "turpentine|bergamot|camphor|frankincense|molasses|sandalwood|verbena|vinegar|wintergreen|petroleum|"
     "ambergris|varnish"},
};

}  // namespace

std::span<const WordList> story_words() {
  return kWords;
}

}  // namespace espalier::generate
