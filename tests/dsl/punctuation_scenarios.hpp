#pragma once

// What Kafka Streams 4.1.1 answers: a processor that counts records, and at each punctuation forwards ("tick", the count since the last
// one) at the punctuation's time. A line: the clock, the interval, the number of the punctuation that cancels itself (0: none), whether
// records pass too; then the steps, `key=value@timestamp` for a record, `+n` for an advance of the wall clock by n ms, each followed by
// what came out behind `>`. ~ is null.

namespace klamm::testing {

// clang-format off
inline constexpr const char* punctuation_scenarios[] = {
    "stream 10 0 0 : k=v@20 >tick=1@20 k=v@25 k=v@142 >tick=2@142 k=v@145 k=v@155 >tick=2@155 k=v@159 k=v@160 >tick=2@160 k=v@161",
    "wall 10 0 0 : +10 >tick=0@10 +10 >tick=0@20 +9 +1 >tick=0@30 +20 >tick=0@50",
    "wall 10 0 0 : +100 >tick=0@100 +10 >tick=0@110 +12 >tick=0@122 +7 +1 >tick=0@130 +105 >tick=0@235 +5 >tick=0@240",
    "wall 100 0 0 : +99 +1 >tick=0@100 +100 >tick=0@200 +801 >tick=0@1001 +1 +98 >tick=0@1100",
    "stream 100 0 0 : k=v@50 >tick=1@50 k=v@99 k=v@100 >tick=2@100 k=v@150 k=v@1051 >tick=2@1051 k=v@1149 >tick=1@1149 k=v@1150",
    "wall 100 1 0 : +100 >tick=0@100 +100 +1000",
    "stream 10 0 0 : +8 k1=c@6 >tick=1@6 k1=c@6 k1=b@6 k1=a@3 k1=e@9 k1=e@9 k1=bcd@3 k1=bcd@10 >tick=7@10 +4 k1=b@13 k1=bcd@13 k1=da@1 k1=bcd@17 k1=cb@16 k1=ab@12 k1=da@21 >tick=7@21",
    "stream 10 0 0 : k3=~@15 >tick=1@15 k2=e@18 k2=bcd@20 >tick=2@20 +2000 k1=ab@22 k1=ea@6 +13 k2=da@8",
    "stream 10 0 0 : k1=b@9 >tick=1@9 +4 k1=da@15 >tick=1@15 k1=e@18 k1=ea@17 k1=d@20 >tick=3@20 k1=ab@11",
    "stream 10 0 0 : k2=~@7 >tick=1@7 k1=bcd@11 >tick=1@11 k1=~@13 k2=a@40 >tick=2@40 k1=e@43 k3=da@46 k3=da@46 k1=~@49 k2=bcd@33 k3=ea@50 >tick=6@50 k2=b@40 k3=b@47",
    "stream 10 0 0 : k1=ea@1 >tick=1@1 k3=e@3 k1=b@4 k2=d@17 >tick=3@17 k3=c@18 k3=ab@18 k2=cb@18 k2=c@21 >tick=4@21 k2=b@24 k1=ab@25 k1=da@27 k2=ab@65 >tick=4@65 k2=ea@69",
    "stream 10 0 0 : k1=cb@39 >tick=1@39 k2=bcd@42 >tick=1@42 k1=ab@42 k1=e@34 k1=ea@44 k2=~@44 k1=bcd@35 k1=bcd@38 k1=e@46",
    "stream 10 0 0 : k1=ab@5 >tick=1@5 k1=ea@6 +4 k1=a@10 >tick=2@10 k1=bcd@1 k1=bcd@1 k1=bcd@11 k1=ea@13 k1=ea@13",
    "stream 10 0 0 : k1=cb@14 >tick=1@14 k2=c@16 k2=cb@18 k3=e@18 k1=ab@20 >tick=4@20 k3=e@20 k2=ab@20 +13 k1=ea@22 k3=a@37 >tick=4@37 k2=b@40 >tick=1@40 k1=c@42 k2=d@45 k1=a@47 k2=c@48",
    "stream 7 2 1 : k1=ab@8 >k1=ab@8 >tick=1@8 k1=cb@8 >k1=cb@8 +13 k1=bcd@12 >k1=bcd@12 k3=cb@30 >k3=cb@30 >tick=3@30",
    "stream 7 2 1 : k2=c@1 >k2=c@1 >tick=1@1 k2=cb@6 >k2=cb@6 +100 k1=b@14 >k1=b@14 >tick=2@14 k1=b@18 >k1=b@18 k3=cb@20 >k3=cb@20 k1=b@20 >k1=b@20 k1=e@13 >k1=e@13 k2=c@22 >k2=c@22 k3=b@23 >k3=b@23 k3=da@26 >k3=da@26",
    "stream 7 2 1 : k1=da@9 >k1=da@9 >tick=1@9 k1=a@10 >k1=a@10 k2=b@14 >k2=b@14 >tick=2@14 k2=da@15 >k2=da@15 k2=ab@47 >k2=ab@47 k2=c@50 >k2=c@50 k1=da@54 >k1=da@54 k1=ab@54 >k1=ab@54 k1=c@55 >k1=c@55 k1=da@58 >k1=da@58 k1=ab@60 >k1=ab@60 k1=bcd@63 >k1=bcd@63 k2=e@63 >k2=e@63 k1=c@64 >k1=c@64 k1=ea@65 >k1=ea@65 k2=cb@65 >k2=cb@65",
    "stream 7 2 1 : k1=a@1 >k1=a@1 >tick=1@1 k1=ea@4 >k1=ea@4 k2=~@2 >k2=~@2 k2=d@7 >k2=d@7 >tick=3@7 ~=a@8 >~=a@8 k3=c@9 >k3=c@9 k3=c@9 >k3=c@9 k3=da@10 >k3=da@10 k2=ea@14 >k2=ea@14 k1=b@18 >k1=b@18 k3=cb@13 >k3=cb@13 ~=da@7 >~=da@7 ~=da@7 >~=da@7 k3=b@21 >k3=b@21 k2=c@21 >k2=c@21 k3=bcd@21 >k3=bcd@21 k3=d@21 >k3=d@21 k2=da@21 >k2=da@21 k1=e@22 >k1=e@22 k2=~@23 >k2=~@23 k1=ab@23 >k1=ab@23 k1=ab@23 >k1=ab@23 k2=ea@7 >k2=ea@7 k1=c@10 >k1=c@10 k2=ea@15 >k2=ea@15 k2=bcd@26 >k2=bcd@26 k3=~@30 >k3=~@30 k1=e@30 >k1=e@30 +4 k1=da@16 >k1=da@16",
    "stream 7 2 1 : k2=bcd@6 >k2=bcd@6 >tick=1@6 k1=~@30 >k1=~@30 >tick=1@30 k2=d@33 >k2=d@33 k1=a@34 >k1=a@34 ~=b@25 >~=b@25 ~=b@25 >~=b@25 +4 k1=bcd@33 >k1=bcd@33 k2=ea@38 >k2=ea@38 k1=e@24 >k1=e@24 k2=e@30 >k2=e@30 k2=d@34 >k2=d@34 k1=cb@41 >k1=cb@41 k2=e@45 >k2=e@45 k2=e@47 >k2=e@47 k1=c@49 >k1=c@49 k1=b@49 >k1=b@49 k2=e@53 >k2=e@53 k2=bcd@37 >k2=bcd@37 k1=b@53 >k1=b@53 k2=~@40 >k2=~@40 k2=c@51 >k2=c@51 k1=d@37 >k1=d@37 ~=~@38 >~=~@38 k2=a@48 >k2=a@48 k1=da@55 >k1=da@55 k1=c@42 >k1=c@42 k1=cb@43 >k1=cb@43 k2=da@55 >k2=da@55 k1=d@52 >k1=d@52",
    "stream 7 2 1 : k1=e@14 >k1=e@14 >tick=1@14 ~=e@15 >~=e@15 k1=c@15 >k1=c@15 k1=cb@15 >k1=cb@15 k2=ea@18 >k2=ea@18 k2=da@22 >k2=da@22 >tick=5@22 k2=da@23 >k2=da@23 k2=da@23 >k2=da@23 k2=a@25 >k2=a@25 k2=ea@29 >k2=ea@29 k1=d@31 >k1=d@31 k2=a@21 >k2=a@21 k2=~@17 >k2=~@17 k2=c@35 >k2=c@35 k1=bcd@38 >k1=bcd@38 k1=ea@42 >k1=ea@42 k2=da@42 >k2=da@42 k2=ab@45 >k2=ab@45 k2=ea@41 >k2=ea@41 k2=b@46 >k2=b@46 k2=~@49 >k2=~@49 k2=bcd@86 >k2=bcd@86 k1=ea@90 >k1=ea@90 k1=cb@90 >k1=cb@90 k2=e@91 >k2=e@91 k1=d@91 >k1=d@91 k2=da@92 >k2=da@92 k1=~@95 >k1=~@95 k2=ea@98 >k2=ea@98",
    "stream 7 2 1 : k1=c@1 >k1=c@1 >tick=1@1 k1=b@2 >k1=b@2 k2=e@7 >k2=e@7 >tick=2@7 k1=e@11 >k1=e@11 k2=c@11 >k2=c@11 k1=cb@7 >k1=cb@7 k2=b@29 >k2=b@29 ~=d@33 >~=d@33 k1=d@36 >k1=d@36 k1=d@36 >k1=d@36 k1=b@20 >k1=b@20",
    "stream 7 2 1 : k2=c@12 >k2=c@12 >tick=1@12 k2=ab@15 >k2=ab@15 >tick=1@15 k1=ab@16 >k1=ab@16 k1=b@18 >k1=b@18 k2=d@18 >k2=d@18 k1=ab@18 >k1=ab@18 k2=e@19 >k2=e@19 k1=d@20 >k1=d@20 k2=ea@23 >k2=ea@23 k1=cb@27 >k1=cb@27 k2=cb@31 >k2=cb@31 k1=c@35 >k1=c@35 k1=cb@37 >k1=cb@37 k1=c@40 >k1=c@40 k1=b@40 >k1=b@40 k1=b@42 >k1=b@42 k1=da@73 >k1=da@73 k2=a@75 >k2=a@75 k2=a@76 >k2=a@76 k2=a@76 >k2=a@76 k1=da@77 >k1=da@77 k1=a@77 >k1=a@77 +4 k1=ea@79 >k1=ea@79 k1=da@82 >k1=da@82 k2=a@82 >k2=a@82 k1=ea@83 >k1=ea@83",
    "wall 10 0 0 : k1=d@1 k3=b@3 +100 >tick=2@100 k3=da@1 +2000 >tick=1@2100 k2=e@4 k2=~@4 ~=c@4 k2=a@1 k3=cb@5 k1=ea@7 +100 >tick=6@2200 k3=ab@8 k2=c@9 k3=a@12",
    "wall 10 0 0 : k2=ab@14 k3=e@15 k1=ab@16 k1=da@17 k3=ab@21 k3=cb@21 k3=da@22 k1=cb@26 +100 >tick=8@100 +8 k1=c@53 k2=bcd@56 k1=ab@60 k2=ea@64 k3=ea@64 k1=a@64 k3=d@64 k3=b@64 k2=ea@64 +100 >tick=9@208 +100 >tick=0@308 k3=e@68 k3=bcd@69 k3=ea@69 k2=d@69 k2=a@69 k2=a@69 k3=c@70 k3=bcd@72 k2=a@76 k2=e@76 k2=e@80 k2=cb@80 +1 +13 >tick=12@322 +100 >tick=0@422",
    "wall 10 0 0 : +100 >tick=0@100 k1=ea@25 +8 k1=b@26 k1=d@13 k1=ea@30 +8 >tick=4@116 +4 >tick=0@120 k1=b@63 k1=ab@64 +8 k1=d@62 k1=b@65 k1=b@65 k1=cb@50 k1=b@65 k1=da@68 k1=bcd@72 k1=cb@103 k1=da@105 k1=da@108",
    "wall 10 0 0 : ~=a@6 k2=e@7 k2=ab@7 +2000 >tick=3@2000 k1=a@11 ~=~@11 k1=da@13 k2=~@14 k2=ea@17 k2=ea@17 +8 k1=b@17 k2=c@18 ~=ab@19 k2=b@19 k1=c@20 +8 >tick=11@2016 +13 >tick=0@2029 +1 >tick=0@2030 +2000 >tick=0@4030 +100 >tick=0@4130 k1=bcd@23 +2000 >tick=1@6130 ~=~@23",
    "wall 10 0 0 : k2=bcd@13 +8 k1=a@13 k1=bcd@14 k1=e@18 +2000 >tick=4@2008 k2=d@19 +2000 >tick=1@4008 k1=a@20",
    "wall 10 0 0 : k1=b@7 +2000 >tick=1@2000 k1=d@8 +2000 >tick=1@4000 +4 ~=~@7 ~=bcd@1 k1=ea@11 +100 >tick=3@4104 k1=a@1 k1=~@11 +8 >tick=2@4112 k1=bcd@8 k1=~@15",
    "wall 10 0 0 : k1=bcd@4 k1=bcd@11 k2=ea@12 +13 >tick=3@13 k1=a@14 k1=d@14 +8 >tick=2@21 k1=e@15 k2=e@16 k1=c@51 k1=ea@55 k1=b@44 k1=b@44 +100 >tick=6@121 k1=a@57 k1=d@59 k1=d@59 +2000 >tick=3@2121 k1=ab@61 k1=e@64 +2000 >tick=2@4121 k1=ea@59 +1 k2=da@64 k1=da@64 +1",
    "wall 10 0 0 : +100 >tick=0@100 k1=cb@7 +1 +1 k2=ab@11 +100 >tick=2@202 k2=a@11",
    "wall 7 2 1 : +13 >tick=0@13 k1=~@5 >k1=~@5 k1=da@8 >k1=da@8 +100 >tick=2@113 k1=~@14 >k1=~@14 +13 k1=c@10 >k1=c@10 k1=b@14 >k1=b@14 k1=da@8 >k1=da@8 +4 k1=a@16 >k1=a@16 k1=a@7 >k1=a@7 k1=ea@3 >k1=ea@3 k1=e@12 >k1=e@12 k1=ea@17 >k1=ea@17 +2000 +2000 +13 k1=~@18 >k1=~@18 k1=da@19 >k1=da@19 k1=e@21 >k1=e@21 k1=ea@22 >k1=ea@22 k1=e@9 >k1=e@9 k1=c@14 >k1=c@14 k1=a@25 >k1=a@25 ~=a@16 >~=a@16 k1=c@29 >k1=c@29 k1=ab@13 >k1=ab@13 k1=~@33 >k1=~@33",
    "wall 7 2 1 : k1=b@6 >k1=b@6 k2=e@10 >k2=e@10 +1 +100 >tick=2@101 k2=d@14 >k2=d@14",
    "wall 7 2 1 : k2=b@11 >k2=b@11 k1=ab@13 >k1=ab@13 k2=c@17 >k2=c@17 +4 k2=b@19 >k2=b@19 +1 k1=ea@22 >k1=ea@22 +1 k1=a@22 >k1=a@22 k1=da@26 >k1=da@26 k1=da@27 >k1=da@27 +100 >tick=8@106 k2=ab@30 >k2=ab@30 +100 >tick=1@206 k2=cb@31 >k2=cb@31 k1=d@32 >k1=d@32 k2=c@32 >k2=c@32 k1=e@36 >k1=e@36 k1=b@38 >k1=b@38 +1 k2=a@38 >k2=a@38 +1 k2=c@41 >k2=c@41",
    "wall 7 2 1 : k1=cb@12 >k1=cb@12 +13 >tick=1@13 k1=e@12 >k1=e@12 +4 >tick=1@17 k2=ab@15 >k2=ab@15 k1=bcd@16 >k1=bcd@16 k2=ab@20 >k2=ab@20 k2=cb@20 >k2=cb@20 +13 +1 +8",
    "wall 7 2 1 : k2=a@21 >k2=a@21 +100 >tick=1@100 k1=d@21 >k1=d@21 k1=d@21 >k1=d@21 k1=b@22 >k1=b@22 k3=bcd@24 >k3=bcd@24",
    "wall 7 2 1 : k1=c@3 >k1=c@3 k1=da@1 >k1=da@1 k1=e@6 >k1=e@6 k1=ea@14 >k1=ea@14 k1=bcd@3 >k1=bcd@3 k1=cb@10 >k1=cb@10 k1=c@17 >k1=c@17 +2000 >tick=7@2000 k1=ea@17 >k1=ea@17 +1 k1=ab@21 >k1=ab@21 k1=e@52 >k1=e@52 k1=a@52 >k1=a@52 k1=c@55 >k1=c@55 k1=d@40 >k1=d@40 +2000 >tick=6@4001 k1=cb@72 >k1=cb@72 k1=da@67 >k1=da@67 +4 +2000 k1=c@71 >k1=c@71 k1=ab@75 >k1=ab@75 k1=b@112 >k1=b@112",
    "wall 7 2 1 : k3=c@13 >k3=c@13 k2=cb@15 >k2=cb@15 +1 k3=ea@17 >k3=ea@17 +13 >tick=3@14 +2000 >tick=0@2014 +100 +2000 k3=e@20 >k3=e@20 k2=bcd@20 >k2=bcd@20 k3=d@21 >k3=d@21 +13 k3=ea@24 >k3=ea@24 k1=da@25 >k1=da@25 k1=c@49 >k1=c@49 k2=c@65 >k2=c@65 k2=ab@67 >k2=ab@67 +100 k1=ea@101 >k1=ea@101 k2=a@105 >k2=a@105 k2=a@105 >k2=a@105 +100 k1=d@106 >k1=d@106 +1 k3=a@109 >k3=a@109 +13 k2=a@112 >k2=a@112 +8 k2=b@116 >k2=b@116 k3=b@120 >k3=b@120 k3=b@120 >k3=b@120 +1 +13 +100",
    "wall 7 2 1 : k1=~@8 >k1=~@8 +8 >tick=1@8 +13 >tick=0@21 k1=c@12 >k1=c@12 k2=cb@1 >k2=cb@1",
};
// clang-format on

}  // namespace klamm::testing
