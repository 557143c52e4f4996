#include "core/data/generate/story_tables.h"

namespace espalier::generate {
namespace {

constexpr Trouble kTroubles[] = {
    {"kite|ball|hat|balloon|scarf|flag",
     "play with the {item}",
     "carry the {item} to the summer fair, where every family of the {region} would be able to admire it",
     "the {item} was up in a tall tree",
     "{a} {weather} gust had lifted the {item} into the uppermost branches of {a} {adj} {tree}",
     {{{"jumped up and up", "the tree was too tall",
        "leapt again and again at the lowest bough, with both arms stretched towards the {adj} leaves",
        "even the lowest bough hung well beyond the reach of {his} fingers"},
       {"threw a stick", "the stick fell back down", "hurled {adj} sticks at the tangle of twigs",
        "every stick came down {adv} and brought nothing but withered leaves with it"},
       {"pushed the tree", "the tree did not move",
        "set {his} shoulder against the {adj} trunk and shook it with the whole of {his} strength",
        "the trunk, which had withstood a century of storms, did not so much as tremble"},
       {"stood on a box", "the box was too small", "built a tower of empty crates and climbed {adv} to the top of it",
        "the {adj} tower swayed, collapsed and deposited {him} in the nettles"},
       {"went up the tree", "the branch was too thin",
        "scrambled up the {adj} bark, from one foothold to another, without looking down",
        "the branch on which the {item} rested bent so alarmingly that {he} was forced to retreat"}}},
     {{{"long ladder", "{friend} held the long ladder and {hero} went up to the {item}",
        "{friend} steadied the ladder against the {adj} trunk while {hero}, who counted every rung aloud, ascended to "
        "the {item} and brought it down unharmed"},
       {"long pole", "{friend} held up the long pole and the {item} came down",
        "{friend} raised the pole between the {adj} branches and, guided by {hero}, who called out each movement from "
        "below, released the {item}, which floated {adv} to the ground"},
       {"strong rope", "{friend} threw the strong rope and they bent the branch down to the {item}",
        "{friend} flung the rope across the {adj} branch, and together the two of them drew it down until {hero} could "
        "detach the {item} from the twigs that had imprisoned it"}}}},

    {"boat|doll|bucket|drum|basket|cap",
     "play with the {item} all day",
     "present the {item} to the old ferryman, who had asked about it every morning since the spring",
     "the {item} was out on the pond",
     "the {item} had slipped from the {adj} landing stage and drifted to the middle of the pond",
     {{{"put a hand out", "the {item} was too far away",
        "lay flat upon the {adj} planks and stretched one arm as far as it would go across the water",
        "the {item} bobbed {adv} on the ripples, just beyond the tips of {his} fingers"},
       {"took a long stick", "the stick was too short",
        "cut a long branch of {tree} and swept it across the {adj} surface",
        "the branch, which was far too heavy at one end, only pushed the {item} further from the shore"},
       {"threw a stone", "the stone made the {item} go away",
        "threw pebbles behind the {item}, in the hope that the waves would carry it back",
        "the waves ran in every direction, and the {item} began to turn {adv} in circles"},
       {"sat down to wait for the wind", "the wind did not come",
        "waited upon the {adj} bank for a breeze from the opposite shore",
        "the only breeze of the whole {weather} afternoon came from the wrong side"},
       {"went into the water", "the water was too cold", "took off both shoes and waded out between the {adj} reeds",
        "the mud gripped {his} ankles so firmly that {he} was obliged to turn back"}}},
     {{{"big net", "{friend} threw the big net and they pulled in the {item}",
        "{friend} cast the net beyond the {item}, and {hero}, who held the {adj} line in both hands, drew it {adv} "
        "back "
        "to the bank with the {item} inside it"},
       {"wooden raft", "{hero} and {friend} went out on the wooden raft and took the {item}",
        "{friend} pushed the raft away from the {adj} shore, and {hero}, kneeling at the front of it, lifted the "
        "dripping {item} out of the water at last"},
       {"rope with a hook", "{friend} threw the rope with a hook and it took hold of the {item}",
        "{friend} whirled the rope above the {adj} reeds and let the hook fly, and at the third throw it caught the "
        "{item}, which {hero} hauled {adv} ashore"}}}},

    {"bell|ring|key|whistle|flute|horn",
     "take the {item} to school",
     "bring the {item} to the {feast}, where it had been {his} family's duty to display it for generations",
     "the {item} was not in its box",
     "the {adj} case in which the {item} had always been kept turned out to be empty",
     {{{"looked in the bed", "the {item} was not in the bed",
        "stripped the bed of its {adj} blankets and felt along every seam of the mattress",
        "nothing came to light except {a} {ware} that nobody had missed"},
       {"looked by the door", "the {item} was not by the door",
        "emptied the {adj} baskets beside the door, one after another, on the kitchen floor",
        "they contained only gloves, string and {a} {ware} without a handle"},
       {"looked in the barn", "the {item} was not in the barn",
        "searched the barn from the {adj} rafters to the hay beneath the mangers",
        "the hay yielded nothing but dust, and {a} {creature} that fled {adv} into the yard"},
       {"looked in the garden", "the {item} was not in the garden",
        "walked along each row of the {adj} garden and parted the {plant} with a stick",
        "not even the freshly turned earth beneath the {plant} concealed it"},
       {"went to look at the well", "the {item} was not at the well",
        "lowered a lantern on a string into the {adj} well",
        "the light revealed only water, and the reflection of {his} own {sad} face"}}},
     {{{"good dog", "the good dog went to the old wall and {friend} saw the {item} in the grass",
        "{friend} let the dog sniff at the empty case, whereupon it led them {adv} to the foot of {a} {adj} wall, and "
        "there, beneath the {plant}, {hero} uncovered the {item}"},
       {"bright lamp", "{friend} held the bright lamp and {hero} saw the {item} under the floor",
        "{friend} held the lamp close to the {adj} floor, and {hero}, peering through a gap between two boards, caught "
        "sight of the {item}, which had lain beneath their feet all the time"},
       {"list of all the rooms", "{friend} read the list of all the rooms and {hero} saw the {item} in the last one",
        "{friend} crossed one {adj} room after another off the list until only the attic remained, where {hero} found "
        "the {item} inside {a} {ware}"}}}},

    {"drum|lamp|doll|crown|clock|jug",
     "show the {item} to {his} mother",
     "show the {item} to {his} grandmother, who had spoken of it ever since the great flood",
     "the {item} was in a box with a lock",
     "the {item} lay inside {a} {adj} chest whose lock had not been opened within living memory",
     {{{"pulled at the lid", "the lid did not move",
        "wedged {his} fingers beneath the {adj} lid and pulled until {his} arms ached",
        "the lid, which was bound with bands of iron, refused to yield"},
       {"hit the box", "the box was too strong", "struck the {adj} lock with a mallet",
        "the blow echoed {adv} through the house and left not the smallest scratch"},
       {"put a big key in the lock", "the key was too big", "tried, one by one, the thirty keys of {a} {adj} bunch",
        "not one of the thirty would turn, and the last of them snapped"},
       {"put a pin in the lock", "the pin bent",
        "bent a hairpin into the shape of a hook and probed the {adj} mechanism with it",
        "the pin slipped, bent {adv} and had to be abandoned"},
       {"let the box fall", "the box did not break",
        "tipped the chest over the edge of the {adj} steps, hoping that the hinges would burst",
        "the steps suffered far more from the fall than the chest did"}}},
     {{{"very small key", "{friend} put the very small key in the lock and the box was open",
        "{friend} inserted the little key, which had hung for years behind {a} {ware}, and {hero} felt the {adj} lock "
        "give way and lifted the {item} into the light"},
       {"can of oil", "{friend} put the oil from the can on the lock and {hero} could open the box",
        "{friend} let the oil trickle {adv} into the keyhole, and when the rust had loosened {hero} raised the {adj} "
        "lid, under which the {item} gleamed"},
       {"set of little tools", "{friend} took the lock off with the little tools and {hero} took the {item}",
        "{friend} loosened the screws of the {adj} hinges, and {hero}, who had collected each of them in {a} {ware}, "
        "drew the {item} {adv} out of the chest"}}}},

    {"cart|sled|wagon|barrow|trolley|pram",
     "ride in the {item}",
     "ride in the {item} at the head of the procession with which the {region} celebrated the {feast}",
     "the {item} was broken",
     "one side of the {item} had given way on {a} {adj} stretch of the road, and the pieces lay scattered in the ditch",
     {{{"used some string", "the string was too weak",
        "bound the {adj} pieces together with the whole of a ball of twine",
        "the twine frayed, and the pieces fell {adv} apart at the first movement"},
       {"used some glue", "the glue did not dry", "brewed a pot of glue and spread it over every {adj} edge",
        "the glue attracted {creature}s from the whole neighbourhood and held nothing"},
       {"used a nail", "the nail was too short", "drove a handful of nails through the {adj} boards",
        "the boards, which were older than anyone suspected, split from end to end"},
       {"used wet clay", "the clay fell off", "filled the {adj} cracks with clay from the river bank",
        "the clay crumbled {adv} as soon as the sun had dried it"},
       {"held it with both hands", "{his} arms were too tired",
        "held the {adj} parts in place with both arms and both knees",
        "nobody can push a vehicle and hold it together at the same time, and the parts came loose again"}}},
     {{{"new wheel", "{friend} put on the new wheel and the {item} was good again",
        "{friend} slid the wheel onto the {adj} axle, {hero} hammered the pin into place, and the {item} rolled {adv} "
        "down the lane as though it had never been damaged"},
       {"piece of good wood", "{friend} cut the piece of good wood and {hero} put it in the {item}",
        "{friend} sawed the wood to the right length, and {hero} fitted it {adv} into the {adj} frame, so that the "
        "{item} was sturdier than on the day it was made"},
       {"roll of wire", "{hero} and {friend} put the wire round the {item} and it was strong again",
        "{friend} wound the wire round the {adj} joints while {hero} tightened every turn with {a} {ware}, until the "
        "{item} could have carried {a} {trade}"}}}},

    {"pumpkin|stone|log|chest|barrel|bench",
     "bring the {item} home",
     "set the {item} before the house of {his} grandparents on the morning of the {feast}",
     "the {item} was too heavy",
     "the {item}, which had looked so manageable from a distance, proved to be heavier than {a} {trade} and "
     "{a} {creature} together",
     {{{"pushed the {item}", "the {item} did not move",
        "braced both feet against {a} {adj} root and pushed until {his} face was scarlet",
        "the {item} settled {adv} a little deeper into the ground"},
       {"pulled the {item}", "{his} hands slipped",
        "knotted {his} scarf round the {item} and leaned backwards with all {his} weight",
        "the {adj} scarf tore in two, and {he} sat down abruptly in the {plant}"},
       {"made a hole under the {item}", "the {item} sat in the hole",
        "dug the {adj} soil away on one side, so that the {item} might roll by itself",
        "the {item} sank {adv} into the hole and was now even harder to move"},
       {"asked a goat to pull", "the goat went away",
        "harnessed a goat, which a neighbour had lent with many warnings, to the {item}",
        "the goat ate the harness, and afterwards a considerable quantity of {plant}"},
       {"put grass under the {item}", "the grass was too soft",
        "spread wet grass along the {adj} path, over which the {item} was supposed to glide",
        "{he} was the only one who glided, from one end of the path to the other"}}},
     {{{"strong pony", "the strong pony pulled and {hero} and {friend} pushed and the {item} came home",
        "{friend} fastened the traces, the pony strained {adv} forward, {hero} steered from behind, and the {item} "
        "travelled along the {adj} lane to the very place where it was wanted"},
       {"set of round logs", "{hero} and {friend} put the round logs under the {item} and it rolled home",
        "{friend} laid one log after another before the {item}, {hero} carried each of them {adv} from the back to the "
        "front, and so it advanced, as if on {adj} wheels, to its destination"},
       {"long iron bar", "{friend} pushed down the long iron bar and the {item} began to roll home",
        "{friend} leaned upon the bar, the {adj} ground released its hold, and {hero}, who had cleared every pebble "
        "out "
        "of the way, saw the {item} roll {adv} down to the gate"}}}},

    {"marble|coin|cup|spoon|hammer|comb",
     "give the {item} to {his} mother",
     "return the {item} to {his} mother, whose kitchen had seemed incomplete without it since the winter",
     "the {item} was in a dark cave",
     "the {item} had rolled through a crack in the hillside and disappeared into {a} {adj} cavern",
     {{{"felt with one hand", "the cave was too deep",
        "knelt before the {adj} opening and groped about in the darkness with one hand",
        "{his} hand met nothing but moisture and {a} {creature}, which was the more startled of the two"},
       {"waited for the moon", "the moon was too small", "waited until the moon stood opposite the {adj} entrance",
        "a bank of clouds rose {adv} from behind the {far} and covered it"},
       {"made a little fire", "the rain put it out", "kindled a torch of {adj} straw",
        "a drop from the roof extinguished it before {he} had taken three steps"},
       {"sang to hear the cave sing", "the cave did not say where the {item} was",
        "sang at the top of {his} voice and listened {adv} to the echo, as sailors do in a fog",
        "the echo confirmed that the place was enormous, and nothing else"},
       {"took a long rake", "the rake was too wide",
        "reached into the {adj} gap with the rake that was used for the {plant}",
        "the rake became jammed between two stones and stayed there"}}},
     {{{"bright lamp", "{friend} held the bright lamp and {hero} saw the {item} by a stone",
        "{friend} held the lamp above the {adj} stones, and {hero}, crawling {adv} behind the circle of light, found "
        "the {item} upon a ledge as if someone had placed it there"},
       {"jar of fireflies", "they took the jar of fireflies into the cave and {hero} saw the {item}",
        "{friend} lifted the jar, whose hundred fireflies shed a greenish glow upon the {adj} walls, and {hero} "
        "perceived the {item} at the bottom of a shallow pool"},
       {"big mirror", "{friend} sent the sun into the cave with the big mirror and {hero} saw the {item}",
        "{friend} tilted the mirror until a beam of sunlight entered the {adj} cavern, and {hero} followed it {adv} to "
        "the corner in which the {item} sparkled"}}}},

    {"kitten|puppy|duckling|rabbit|hedgehog|lamb",
     "take the {item} home",
     "bring the {item} back to the farm on which it had been born",
     "the {item} hid under the old house",
     "the {item}, frightened by a sudden clap of thunder, had crept under the {adj} floor of the mill",
     {{{"called to the {item}", "the {item} did not come",
        "called to the {item} in the {kind} tone that had never failed before",
        "two eyes gleamed {adv} in the dark and came no nearer"},
       {"put down some bread", "the {item} did not eat", "laid a trail of crumbs from the {adj} beams to the meadow",
        "{a} {creature} devoured the trail from the other end"},
       {"hit a pot", "the {item} went further in",
        "beat {adv} upon {a} {adj} pot, in order that the noise should drive the {item} out",
        "the noise drove out nobody but the miller"},
       {"went in on {his} hands", "the hole was too small",
        "lay down and wriggled beneath the {adj} beams as far as {his} shoulders",
        "there {he} remained until someone pulled {him} out by the feet"},
       {"used a broom", "the {item} did not like the broom",
        "pushed a broom, as gently as possible, along the {adj} wall",
        "the {item} mistook the broom for an enemy and withdrew {adv} into the furthest corner"}}},
     {{{"bowl of warm milk", "{friend} put down the bowl of warm milk and the {item} came out to drink",
        "{friend} set the bowl upon the {adj} grass and drew {hero} {adv} aside, and before long the {item} emerged, "
        "sniffed, and drank until its chin was white"},
       {"soft blanket", "{hero} and {friend} sat on the soft blanket and the {item} came to sleep on it",
        "{friend} spread the blanket beside the {adj} wall, and both children sat down on it without a word, until the "
        "{item} ventured out and curled up {adv} in the lap of {hero}"},
       {"song about the rain", "{friend} sang the song about the rain and the {item} came out to hear it",
        "{friend} sang the old song about the rain, {hero} joined in at the second verse, and the {item}, reassured by "
        "their {kind} voices, stepped {adv} into the sunlight"}}}},
};

}  // namespace

std::span<const Trouble> story_troubles() {
  return kTroubles;
}

}  // namespace espalier::generate
