/* SPDX-License-Identifier: BSD-3-Clause
 * Known answers of AES-GCM in ESP's shape (AAD of 8 or 12 bytes, 96-bit IV, 16-byte tag). Constant data; any thread.
 *
 * Where they come from, so that no engine is its own judge:
 * - published: draft-mcgrew-gcm-test-01, test cases for GCM in IPsec ESP, those with keys of 128 and 256 bits.
 * - computed: by tests/unit/dataplane/engine_vectors.py, a GCM written from FIPS 197 and SP 800-38D alone; Debian 12's
 *   python3-cryptography gave the same bytes. The lengths stand around the block, 16-block and 48-block steps of vector
 *   code. A ciphertext is kept as its FNV-1a digest: the tag binds what the engine authenticated, the digest catches an
 *   engine that writes something else. */
#include "dataplane/engine_impl.h"

#include <string.h>

struct published_kat {
	const char *key, *iv, *aad, *plain, *sealed, *tag; /* hexadecimal */
};

struct computed_kat {
	uint8_t key_bytes, aad_bytes;
	uint16_t text_bytes;
	uint64_t sealed_fnv1a;
	const char *tag;
};

/* clang-format off */
static const struct published_kat published[] = {
	{"4c80cdefbb5d10da906ac73c3613a634", "2e443b684956ed7e3b244cfe",
	 "000043218765432100000000",
	 "45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f7564700373"
	 "69700963796265726369747902646b000021000101020201",
	 "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d"
	 "15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732",
	 "459018148f6cbe722fd04796562dfdb4"},
	{"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	 "0000a5f80000000a",
	 "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d0010000010000000000000373697009637962"
	 "65726369747902646b00000100010001",
	 "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642"
	 "cfbb85a5b47e48a4ec3b9ba95d918bd1",
	 "83b70d3aa8bc6ee4c309e9d85a41ad4a"},
	{"abbccddef00112233445566778899aababbccddef00112233445566778899aab", "112233440102030405060708",
	 "4a2cbfe300000002",
	 "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b401010402"
	 "01020201",
	 "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99d"
	 "ef842d8e",
	 "b335f4eecfdbf831824b4c4915956c96"},
	{"00000000000000000000000000000000", "000000000000000000000000",
	 "0000000000000001",
	 "4500003c99c500008001cb7a40679318010101010800075c020044006162636465666768696a6b6c6d6e6f7071727374"
	 "75767761626364656667686901020201",
	 "4688daf2f973a392732909c331d56d60f694abaa414b5e7ff5fdcdfff5e9a284456476492719ffb64de7d9dca1e1d894"
	 "bc3bd57873ed4d181d19d4d5c8c18af3",
	 "f821d496eeb096e98ad2b69e4799c71d"},
	{"3de09874b388e6491988d0c3607eae1f", "57690e434e280000a2fca1a3",
	 "42f67e3f1010101010101010",
	 "4500003c99c300008001cb7c40679318010101010800085c020043006162636465666768696a6b6c6d6e6f7071727374"
	 "75767761626364656667686901020201",
	 "fba2caa4853cf9f0f22cb10d86dd83b0fec75691cf1a04b00d1138ec9c35791765acbd8701ad79845bf9fe3fba487bc9"
	 "1755e6662b4c8d0d1f5e22739530320a",
	 "e0d731cc978ecafaeae88f00e80d6e48"},
	{"3de09874b388e6491988d0c3607eae1f", "57690e434e280000a2fca1a3",
	 "42f67e3f1010101010101010",
	 "4500001c42a200008001441f406793b6e00000020a00f5ff01020201",
	 "fba2ca845e5df9f0f22c3e6e86dd831e1fc65792cd1af9130e1379ed",
	 "369f071f35e034be95f112e4e7d05d35"},
	{"abbccddef00112233445566778899aab", "decaf888cafedebaceface74",
	 "000001000000000000000001",
	 "4500004933ba00007f119106c3fb1d10c2b1d326c02831ce0035dd7b800302d500004e20001e8c18d75b81dc91baa047"
	 "6b91b924b280389d92c963bac046ec959b6266c04722b14923010101",
	 "18a6fd42f72cbf4ab2a2ea901f73d814e3e7f243d95412e1c349c1d2fbec168f9190feebaf2cb01984e65863965d7472"
	 "b79da345e0e780191f0d2f0e0f496c226f2127b27db35724e7845d68",
	 "651f57e65f354f75ff17015769623436"},
	{"abbccddef00112233445566778899aababbccddef00112233445566778899aab", "73616c74616e640169766563",
	 "17405e67156f3126dd0db99b",
	 "45080028732c00004006e9f90a0106120a01038f06b88023dd6bafbecb71260250101f646d540001",
	 "f2d69ecdbd5a0d5b8d5ef38bad4da58d1f278fde98ef67549d524a3018d9a57ff4d3a31ce673119e",
	 "451626c2415771e3b7eebca614c89b35"},
	{"3de09874b388e6491988d0c3607eae1f", "57690e434e280000a2fca1a3",
	 "42f67e3f1010101010101010",
	 "45000049333e00007f119182c3fb1d10c2b1d326c02831ce0035cb458003025b000001e0001e8c18d65759d52284a035"
	 "2c71475c8880391c764d6e5ee0496b325ae270c03899493915010101",
	 "fba2cad12fc1f9f00d3cebf305410db83d7784b607323d220f24b0a97d54182800cadb0f68d99ef0e0c0c89ae9bea888"
	 "4e52d65bc1afd0740f742444747b5b39ab533163aad4550ee5160975",
	 "cdb608c5769189609763b8e18caa81e2"},
	{"abbccddef00112233445566778899aababbccddef00112233445566778899aab", "73616c74616e640169766563",
	 "17405e67156f3126dd0db99b",
	 "636973636f0172756c657301746865016e6574776501646566696e6501746865746563686e6f6c6f6769657301746861"
	 "7477696c6c01646566696e65746f6d6f72726f7701020201",
	 "d4b7ed86a1777f2ea13d6973d324c69e7b43f826fb56831226508bebd2dceb18d0a6df10e5487df074113e14c641024e"
	 "3e6773d91a62ee429b043a10e3efe6b012a49363412364f8",
	 "c0cac587f249e56b11e24f30e44ccc76"},
	{"7d773d00c144c525ac619d18c84a3f47", "d966426743457e9182443bc6",
	 "335467aeffffffff",
	 "01020201",
	 "437f866b",
	 "cb3f699fe9b0822bac961c4504bef270"},
	{"abbccddef00112233445566778899aab", "decaf888cafedebaceface74",
	 "000001000000000000000001",
	 "746f016265016f72016e6f7401746f0162650001",
	 "29c9fc69a197d038ccdd14e2ddfcaa0543332164",
	 "412503524303ed3c6c5f283843af8c3e"},
	{"6c6567616c697a656d6172696a75616e61616e64646f69746265666f72656961", "7475726e333021696765746d",
	 "796b6963ffffffffffffffff",
	 "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f7071727374"
	 "01020201",
	 "f97ab2aa356d8edce17644ac8c78e25dd24dedbb29ebf1b64a274b39b49c3a864cd3d78ca4ae68a32b42458fb57dbe82"
	 "1dcc63b9",
	 "d0937ba2945f669368661a329fb4c053"},
};

/* key bytes, AAD bytes, text bytes, digest of the ciphertext, tag */
static const struct computed_kat computed[] = {
	{16, 8, 0, 0xcbf29ce484222325, "081e16a781569d4954af25d90a08ba19"},
	{16, 8, 1, 0xaf643b4c86028df9, "0b3046411ae22dcd819d2a3d8723bdbe"},
	{16, 8, 2, 0x0809d907b4c8f47c, "c8980fc960bc0b28402a0a99742ce59d"},
	{16, 8, 4, 0x4e032457f15c077e, "fdcb90ada0b8e747e4eadfe1c3b17c4d"},
	{16, 8, 15, 0xc077e19cc524726e, "506d196efec0afa1b81ae4169f65adf4"},
	{16, 8, 16, 0x20d1a00385f3343d, "415d0816b16bfca0efdc3f2993fae5b9"},
	{16, 8, 17, 0x8beadb6274b677ae, "3ddd2140487a89c0eab83f157e572814"},
	{16, 8, 31, 0x3f8b61f7c27b799b, "c527119c077e3e54f397eb0b33e4636e"},
	{16, 8, 32, 0xfb349bd14a49fb5a, "ae0dce065e920c4c98c1bb1db7c178c8"},
	{16, 8, 33, 0x57b516565420f711, "d74876375f11c0aa0d25a88d2a314f66"},
	{16, 8, 48, 0x5d276ed097366177, "a4c49593a232b722ce4536d237391554"},
	{16, 8, 63, 0xe0cb05ef789c8ba7, "91b44dedb7aae9c088c3dadd2b877e17"},
	{16, 8, 64, 0xbb40947489d4c145, "b60941558d888ceab65898729792e2c6"},
	{16, 8, 65, 0xf37954d659626b22, "2eac4163f51afa06f81c06194159ad47"},
	{16, 8, 127, 0xbaacdceadca2bfd8, "bebd820d4f627ca58a7bf11202387e29"},
	{16, 8, 128, 0xd44014c0c444ef67, "fb2960adf934b66d4f078cce27c85f8c"},
	{16, 8, 129, 0xd49c7198ecdc9f7f, "a908db391af6386389ec5ddab6034b10"},
	{16, 8, 255, 0x944383b268c859b3, "5a37ebcdd0784fe938db726ce080217b"},
	{16, 8, 256, 0x07ccc3f62c66b387, "a8a2b98717d5ab6db5be1d877c03161b"},
	{16, 8, 257, 0x7686e22292235eac, "64005b24e5d9789c1ed544103e87dc75"},
	{16, 8, 511, 0xdcaa20b6123a65c7, "c905a4dd214d45fa93f55f567b44720a"},
	{16, 8, 512, 0x295aa8c9eefe23cb, "0d3dc5ba38cbbd7407a2725e9b7b0e13"},
	{16, 8, 513, 0x81b65fd29bc7148d, "a4e7c7fcef3d4f25fc78687f7418c60a"},
	{16, 8, 767, 0xde17d3c79085b718, "d48956a6ce854dfd908e90bc76989270"},
	{16, 8, 768, 0xd8f990fc8e913e06, "bddc964e21c2649a3447386f4139ab88"},
	{16, 8, 769, 0x96626eec2f44d0db, "5971ab5d6d2260141d4afb5b1557177d"},
	{16, 8, 1024, 0xc205fbd8c40cfc6e, "d769c305279f6a3ee0dda57f6b8d2e39"},
	{16, 8, 1408, 0x7f3faeb865f4f2af, "3bb3f1860caf46c5dfc6e1e2c6d29296"},
	{16, 8, 1500, 0x936e1de1466c6d11, "0d655ea09a196c3bd0652bf2344b7124"},
	{16, 8, 2048, 0xcbc1a20fa10e52fb, "21b67c578f0b0c752a035a1979896a45"},
	{16, 12, 0, 0xcbf29ce484222325, "3f5eebca10d4eca3dd2ced4a2ab6e12a"},
	{16, 12, 1, 0xaf643b4c86028df9, "0c36954a099efadcb7ab700d4f016a09"},
	{16, 12, 2, 0x0809d907b4c8f47c, "cf9edcc273c0dc39761c50a9bc0e322a"},
	{16, 12, 4, 0x4e032457f15c077e, "facd43a6b3c43056d2dc85d10b93abfa"},
	{16, 12, 15, 0xc077e19cc524726e, "576bca65edbc78b08e2cbe2657477a43"},
	{16, 12, 16, 0x20d1a00385f3343d, "465bdb1da2172bb1d9ea65195bd8320e"},
	{16, 12, 17, 0x8beadb6274b677ae, "df0af143cf2d055ffdfa51639909d0b5"},
	{16, 12, 31, 0x3f8b61f7c27b799b, "27f0c19f8029b2cbe4d5857dd4ba9bcf"},
	{16, 12, 32, 0xfb349bd14a49fb5a, "4cda1e05d9c580d38f83d56b509f8069"},
	{16, 12, 33, 0x57b516565420f711, "0831f7be262df553d4b311a0fa3b11c2"},
	{16, 12, 48, 0x5d276ed097366177, "7bbd141adb0e82db17d38fffe7334bf0"},
	{16, 12, 63, 0xe0cb05ef789c8ba7, "2a2ae182d172682ea2474cdc50812b30"},
	{16, 12, 64, 0xbb40947489d4c145, "0d97ed3aeb500d049cdc0e73ec94b7e1"},
	{16, 12, 65, 0xf37954d659626b22, "aceb318ef88b2ea2c8e510a83982c125"},
	{16, 12, 127, 0xbaacdceadca2bfd8, "b57967c0814a8186c13038bf0a9f35ed"},
	{16, 12, 128, 0xd44014c0c444ef67, "f0ed8560371c4b4e044c45632f6f1448"},
	{16, 12, 129, 0xd49c7198ecdc9f7f, "4fb83e6232356229b825e69fae8f6901"},
	{16, 12, 255, 0x944383b268c859b3, "da8139631551bf1b2265f1847c822fa8"},
	{16, 12, 256, 0x07ccc3f62c66b387, "28146b29d2fc5b9faf009e6fe00118c8"},
	{16, 12, 257, 0x7686e22292235eac, "d8cf2bfdd64f8a3e6a320d3f6b08e065"},
	{16, 12, 511, 0xdcaa20b6123a65c7, "a063de103fd7768a737912fa913d5af5"},
	{16, 12, 512, 0x295aa8c9eefe23cb, "645bbf7726518e04e72e3ff2710226ec"},
	{16, 12, 513, 0x81b65fd29bc7148d, "5c45d2fc09da8c64c9249c6e516c1588"},
	{16, 12, 767, 0xde17d3c79085b718, "99a98db14528fc5651abd141e590cde3"},
	{16, 12, 768, 0xd8f990fc8e913e06, "f0fc4d59aa6fd531f5627992d231f41b"},
	{16, 12, 769, 0x96626eec2f44d0db, "b257511f845197d89a754e9036316436"},
	{16, 12, 1024, 0xc205fbd8c40cfc6e, "59b9f8201730b1091fd69e016fc6ff82"},
	{16, 12, 1408, 0x7f3faeb865f4f2af, "3db8cd1911161017dc91203e723bb71f"},
	{16, 12, 1500, 0x936e1de1466c6d11, "032e079026cba6f41fc83e61e5736dd8"},
	{16, 12, 2048, 0xcbc1a20fa10e52fb, "2017a51efb0a47969c765e8f530db174"},
	{32, 8, 0, 0xcbf29ce484222325, "84cf0f3a1b950609b38dbb52c91a9312"},
	{32, 8, 1, 0xaf64744c8602eed4, "2676a23efe15561b90d73c44eb95d7b0"},
	{32, 8, 2, 0x081a8b07b4d6e325, "ec77ea59b6e0c7aba0cc2bda162dcc64"},
	{32, 8, 4, 0x13ca0f4d5dbb7ce5, "838be8c0577b2a4f754cb7702cd00b5a"},
	{32, 8, 15, 0x58233f7e3a0d0ade, "5c1465a84391affb6c6ebcfe949822a7"},
	{32, 8, 16, 0x7d1e78bf4f155d8b, "a3e40b864d326b0abadfee3f6c862f20"},
	{32, 8, 17, 0xd1364e4935872472, "2c69b08b38bffa5a6b6425dc4269b33f"},
	{32, 8, 31, 0xcf2029bb96836845, "202626068c1119458566017ec8b1e2e1"},
	{32, 8, 32, 0xb09b1411a90c7368, "a50ec28ec589a82cbc6be00f1ea41208"},
	{32, 8, 33, 0xf6dbace397eca63d, "6c24d38a5f70d867cc3c55c92ab89c04"},
	{32, 8, 48, 0x8dc71df6d387e95d, "9e8e3c22732b2e3a0314b2ce4ee51ec5"},
	{32, 8, 63, 0x16bb8e3364baaadc, "8aed4ffcf62ba69880c8bdc3e3c501b1"},
	{32, 8, 64, 0xf604de3b8c9b4feb, "d72cb49b9967651e53661aed7603043e"},
	{32, 8, 65, 0x050f4c20f2f2eca9, "1c3e14dc88c29d4b5ad437fa15a9ec7c"},
	{32, 8, 127, 0x97bad301bc7c7afb, "7cbf5b8697c756ced4d35f9a1ee818e5"},
	{32, 8, 128, 0x9c6eff74179638e1, "c2ee15cae5b4b0466e1eb711699232c0"},
	{32, 8, 129, 0xb7a0e0c8c7b624fb, "b0980ede0948e9d70095bb78b05db52f"},
	{32, 8, 255, 0x9d1484ddba228b19, "9e3606ad2ca3baefb1103bf0e5f2102f"},
	{32, 8, 256, 0x68ad65b2abab1ff9, "49fb6492a0e2c8104beaeca57cbfef01"},
	{32, 8, 257, 0xc8f8cf8ba465b8a6, "4d8d452ee2a820a15fb7f1548e8709d3"},
	{32, 8, 511, 0x9dac8fc601c3e7d8, "5b8a87f5ea63bfe659d11e3b7beb24b5"},
	{32, 8, 512, 0xe4a45b38539e4c87, "a545caf9e7e7ac10e2b57d485b0ab7ba"},
	{32, 8, 513, 0x21caa04dd811966c, "1f7028e0867b5edfaec6166657bf7b0b"},
	{32, 8, 767, 0xeb8cfdf6ec351730, "de7925bf67df30f5eed37fddbb260b63"},
	{32, 8, 768, 0xf3a4fbb1e3af7802, "8545a990843628f6a4004efb2cfb3d1c"},
	{32, 8, 769, 0x516294dbfa795a5b, "19414468847069ae14d6dc7ec743b011"},
	{32, 8, 1024, 0xa6d97e9e02e2b130, "a4848f664163bf8beaad7195d6998539"},
	{32, 8, 1408, 0xb54e147880e5b8ee, "f66086d1871e08b2896259adcaa03559"},
	{32, 8, 1500, 0xb5e0d30c7dbd4e7d, "6c4903f7e5f34a1ede85e206be5bad11"},
	{32, 8, 2048, 0x766f5306075d1572, "4f7a6f9fa9fd0468e6f208039d15621b"},
	{32, 12, 0, 0xcbf29ce484222325, "32fa614c512b4e28a16ae664eae108fe"},
	{32, 12, 1, 0xaf64744c8602eed4, "b8a134e22883e987dd3ee7de5033e512"},
	{32, 12, 2, 0x081a8b07b4d6e325, "72a07c8560767837ed25f040ad8bfec6"},
	{32, 12, 4, 0x13ca0f4d5dbb7ce5, "1d5c7e1c81ed95d338a56cea977639f8"},
	{32, 12, 15, 0x58233f7e3a0d0ade, "c2c3f37495071067218767642f3e1005"},
	{32, 12, 16, 0x7d1e78bf4f155d8b, "3d339d5a9ba4d496f73635a5d7201d82"},
	{32, 12, 17, 0xd1364e4935872472, "3c50b2c6e26cfe38cffc7abb58545f23"},
	{32, 12, 31, 0xcf2029bb96836845, "301f244b56c21d2721fe5e19d28c0efd"},
	{32, 12, 32, 0xb09b1411a90c7368, "b537c0c31f5aac4e18f3bf680499fe14"},
	{32, 12, 33, 0xf6dbace397eca63d, "807aa2ccd3de4ff1364b0b267ecfe09b"},
	{32, 12, 48, 0x8dc71df6d387e95d, "72d04d64ff85b9acf963ec211a92625a"},
	{32, 12, 63, 0x16bb8e3364baaadc, "1fb1a45e600ac63eb521fa4618df1c3b"},
	{32, 12, 64, 0xf604de3b8c9b4feb, "42705f390f4605b8668f5d688d1919b4"},
	{32, 12, 65, 0x050f4c20f2f2eca9, "c7cf2bf9ea5e7d44eebd0e7b6f8dbed8"},
	{32, 12, 127, 0x97bad301bc7c7afb, "9b77f02cfa1ff9fb1f5b69fb39cfaaa5"},
	{32, 12, 128, 0x9c6eff74179638e1, "2526be60886c1f73a59681704eb58080"},
	{32, 12, 129, 0xb7a0e0c8c7b624fb, "42722655b7f0965e9b180261dc3fe23b"},
	{32, 12, 255, 0x9d1484ddba228b19, "c01c396cb9f5d8d96639fcb315a1968f"},
	{32, 12, 256, 0x68ad65b2abab1ff9, "17d15b5335b4aa269cc32be68cec69a1"},
	{32, 12, 257, 0xc8f8cf8ba465b8a6, "8b81c7aed0dfcfe821d4e99985437738"},
	{32, 12, 511, 0x9dac8fc601c3e7d8, "fe1563b5c6fbbcb27e644adee2668d59"},
	{32, 12, 512, 0xe4a45b38539e4c87, "00da2eb9cb7faf44c50029adc2871e56"},
	{32, 12, 513, 0x21caa04dd811966c, "04f1887b9791328d50368d64e59a2dd6"},
	{32, 12, 767, 0xeb8cfdf6ec351730, "45861927c2d4f801d5012aba880a6528"},
	{32, 12, 768, 0xf3a4fbb1e3af7802, "1eba9508213de0029fd21b9c1fd75357"},
	{32, 12, 769, 0x516294dbfa795a5b, "6e69e9f001ffc777283f3a442e780ac7"},
	{32, 12, 1024, 0xa6d97e9e02e2b130, "bfcae3b2220e5a53b9b12e8cc5a8742e"},
	{32, 12, 1408, 0xb54e147880e5b8ee, "324305f55ae02b311311ebab223b6bf3"},
	{32, 12, 1500, 0xb5e0d30c7dbd4e7d, "1e611393e0d37795e6cafae1dd8e007c"},
	{32, 12, 2048, 0x766f5306075d1572, "6e550158001a02c6f5391adceb7fb206"},
};
/* clang-format on */

#define PUBLISHED (sizeof(published) / sizeof(published[0]))
#define COMPUTED  (sizeof(computed) / sizeof(computed[0]))

static uint64_t
fnv1a(const uint8_t *bytes, size_t n)
{
	uint64_t digest = 0xcbf29ce484222325;
	for (size_t i = 0; i < n; i++)
		digest = (digest ^ bytes[i]) * 0x100000001b3;
	return digest;
}

static unsigned
nibble(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* Returns how many bytes the text stands for; writes at most max. The tables above are lower case and even. */
static uint32_t
unhex(const char *text, uint8_t *out, size_t max)
{
	uint32_t n = 0;
	for (; text[2 * n] != '\0' && n < max; n++)
		out[n] = (uint8_t)(nibble(text[2 * n]) << 4 | nibble(text[2 * n + 1]));
	return n;
}

static void
published_get(const struct published_kat *from, struct dp_kat *kat)
{
	uint8_t sealed[DP_KAT_TEXT_MAX];
	kat->key_bytes = unhex(from->key, kat->key, sizeof(kat->key));
	kat->aad_bytes = unhex(from->aad, kat->aad, sizeof(kat->aad));
	kat->text_bytes = unhex(from->plain, kat->plain, sizeof(kat->plain));
	unhex(from->iv, kat->iv, sizeof(kat->iv));
	unhex(from->tag, kat->tag, sizeof(kat->tag));
	kat->sealed_fnv1a = fnv1a(sealed, unhex(from->sealed, sealed, sizeof(sealed)));
}

/* The inputs are formulas; engine_vectors.py has the same ones. */
static void
computed_get(const struct computed_kat *from, struct dp_kat *kat)
{
	static const uint8_t iv[10] = {'C', 'U', 'L', 'V', 1, 2, 3, 4, 5, 6};
	kat->key_bytes = from->key_bytes;
	kat->aad_bytes = from->aad_bytes;
	kat->text_bytes = from->text_bytes;
	for (unsigned i = 0; i < kat->key_bytes; i++)
		kat->key[i] = (uint8_t)(0x3b + 29 * i);
	memcpy(kat->iv, iv, sizeof(iv));
	kat->iv[10] = (uint8_t)(from->text_bytes >> 8);
	kat->iv[11] = (uint8_t)from->text_bytes;
	for (unsigned i = 0; i < kat->aad_bytes; i++)
		kat->aad[i] = (uint8_t)(0xa5 + 17 * i);
	for (unsigned i = 0; i < kat->text_bytes; i++)
		kat->plain[i] = (uint8_t)(131 * i + (i >> 8) + from->text_bytes);
	unhex(from->tag, kat->tag, sizeof(kat->tag));
	kat->sealed_fnv1a = from->sealed_fnv1a;
}

unsigned
dp_kat_count(void)
{
	return PUBLISHED + COMPUTED;
}

void
dp_kat_get(unsigned i, struct dp_kat *kat)
{
	memset(kat, 0, sizeof(*kat));
	if (i < PUBLISHED)
		published_get(&published[i], kat);
	else
		computed_get(&computed[i - PUBLISHED], kat);
}

bool
dp_kat_sealed_matches(const struct dp_kat *kat, const uint8_t *text)
{
	return fnv1a(text, kat->text_bytes) == kat->sealed_fnv1a;
}
